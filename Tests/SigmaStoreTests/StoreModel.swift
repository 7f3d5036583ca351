import Foundation
import SigmaStore

/// What the store must hold, kept the plain way: dictionaries and texts.
struct StoreModel: Equatable {
    struct Session: Equatable {
        let number: Int64
        let idHash: Data
        let room: Int64
        let role: StoredRole
        let openedAt: Int64
        var connectedAt: Int64?
        var endedAt: Int64?
        var reason: String?
        var octetsSent: Int64?
        var entityTag: String?
        var media: String?

        var isOpenPublisher: Bool { role == .publisher && endedAt == nil }
    }

    struct Client: Equatable {
        let data: ClientData
        let notedAt: Int64
    }

    var rooms: [Int64: StoredRoom] = [:]
    var sessions: [Int64: Session] = [:]
    var clients: [Int64: Client] = [:]
    var positions: [String: Int64] = [:]
    var nextSession: Int64 = 1
    /// Bodies of the audit by sequence number.
    var audit: [Int64: String] = [:]
    /// Times of the same rows.
    var times: [Int64: Int64] = [:]
    var last: Int64 = 0
    var checkpoint: Int64 = 0

    /// - Returns: As ``StoreCommand/run(_:)``.
    mutating func run(_ command: StoreCommand, at now: Int64) throws -> String {
        var attempt = self
        let answer = try attempt.apply(command, at: now)
        self = attempt
        return answer
    }

    private mutating func apply(_ command: StoreCommand, at now: Int64) throws -> String {
        switch command {
        case .create(let room):
            // A name comes back with its room.
            if let old = rooms[room.id], old.endedAt != nil, old.name == room.name { rooms[room.id] = nil }
            guard rooms[room.id] == nil, !rooms.values.contains(where: { $0.name == room.name }),
                !room.name.isEmpty
            else { throw StoreError.conflict }
            rooms[room.id] = room
            append(
                "room_created", room.createdAt, "room", room.id, "name", room.name, "lasting", room.isLasting,
                "by", room.createdBy)
        case .setTitle(let title, let room):
            try change(room) { $0.title = title }
            append("room_changed", now, "room", room, "title", title, "by", "uid 0")
        case .setKey(let key, let hash, let room):
            try change(room) { if key == .publish { $0.publishKey = hash } else { $0.watchKey = hash } }
            append(
                hash == nil ? "key_removed" : "key_rotated", now, "room", room, "key", key.rawValue, "by",
                "uid 0")
        case .endRoom(let room):
            try change(room) { $0.endedAt = now }
            append("room_ended", now, "room", room, "by", "uid 0")
        case .open(let session): return "\(open(session, at: now))"
        case .adopt(let session): return "\(adopt(session, at: now))"
        case .event(let event): try record(event)
        case .skip(let number, let journal):
            let next = positions[journal] ?? 1
            guard number <= next else { throw StoreError.outOfOrder }
            if number == next { positions[journal] = number + 1 }
        case .gap(let first, let last, let journal):
            let next = positions[journal] ?? 1
            guard last >= next else { return "" }
            guard first <= next else { throw StoreError.outOfOrder }
            positions[journal] = last + 1
            append("journal_gap", now, "journal", journal, "first", next, "last", last)
        case .kick(let session, let room):
            append("kicked", now, "room", room, "session", session, "by", "uid 0")
        case .endSessions(let served):
            for number in sessions.keys.sorted() {
                guard let session = sessions[number], session.endedAt == nil, !served.contains(session.idHash)
                else { continue }
                end(session, at: now, reason: "media restarted", totals: nil)
            }
        case .eraseClient, .eraseClients, .checkpoint, .prune: return forget(command, at: now)
        case .fail(let commands):
            for command in commands { _ = try apply(command, at: now) }
            throw StoreError.other(0)
        }
        return ""
    }

    // MARK: Sessions

    private func known(_ idHash: Data) -> Session? { sessions.values.first { $0.idHash == idHash } }

    private mutating func insert(_ new: NewSession) -> Int64 {
        let number = nextSession
        nextSession += 1
        sessions[number] = Session(
            number: number, idHash: new.idHash, room: new.room, role: new.role, openedAt: new.openedAt,
            entityTag: new.entityTag, media: new.media)
        return number
    }

    private mutating func open(_ new: NewSession, at now: Int64) -> Int64 {
        let number = known(new.idHash)?.number ?? insert(new)
        sessions[number]?.entityTag = new.entityTag
        sessions[number]?.media = new.media
        if let media = new.media { rooms[new.room]?.media = media }
        if let client = new.client { clients[number] = Client(data: client, notedAt: now) }
        append(
            new.role == .publisher ? "published" : "viewer_joined", new.openedAt, "room", new.room, "session",
            number,
            "client", new.client == nil ? nil : "*")
        return number
    }

    private mutating func adopt(_ new: NewSession, at time: Int64) -> Int64 {
        if let known = known(new.idHash) { return known.number }
        let number = insert(new)
        append(
            "session_adopted", time, "room", new.room, "session", number, "role", new.role.rawValue)
        return number
    }

    private mutating func end(
        _ session: Session, at time: Int64, reason: String, totals: MediaEvent.Totals?, _ more: Any?...
    ) {
        sessions[session.number]?.endedAt = time
        sessions[session.number]?.reason = reason
        sessions[session.number]?.octetsSent = totals?.octetsSent
        append(
            session.role == .publisher ? "publish_ended" : "viewer_left", time,
            [
                "room", session.room, "session", session.number, "reason", reason, "duration",
                session.connectedAt.map { max(0, time - $0) }, "octets_sent", totals?.octetsSent,
                "octets_received", totals?.octetsReceived,
            ] + more)
        guard session.role == .publisher, let room = rooms[session.room], !room.isLasting,
            room.endedAt == nil,
            !sessions.values.contains(where: { $0.room == session.room && $0.isOpenPublisher })
        else { return }
        rooms[room.id]?.endedAt = time
        append("room_ended", time, "room", room.id)
    }

    // MARK: Media

    private mutating func record(_ event: MediaEvent) throws {
        let next = positions[event.journal] ?? 1
        guard event.number >= next else { return }
        guard event.number == next else { throw StoreError.outOfOrder }
        positions[event.journal] = next + 1
        let new = NewSession(idHash: event.idHash, room: event.room, role: event.role, openedAt: event.time)
        let number = adopt(new, at: event.time)
        guard let session = sessions[number] else { return }
        note(event, of: session)
    }

    private mutating func note(_ event: MediaEvent, of session: Session) {
        let line = event.mediaLine.map { Int64($0) }
        func add(_ model: inout StoreModel, _ kind: String, _ more: Any?...) {
            model.append(
                kind, event.time,
                ["room", event.room, "session", session.number, "media_line", line] + more
                    + ["journal", event.journal, "number", event.number])
        }
        switch event.fact {
        case .connected:
            if session.connectedAt == nil { sessions[session.number]?.connectedAt = event.time }
            add(&self, session.role == .publisher ? "publisher_connected" : "viewer_connected")
            let others = sessions.values.filter {
                $0.room == session.room && $0.isOpenPublisher && $0.number != session.number
                    && $0.connectedAt != nil
            }
            if session.role == .publisher, let from = others.map(\.number).max() {
                append(
                    "taken_over", event.time, "room", session.room, "session", session.number, "from", from)
            }
        case .disconnected: add(&self, "disconnected")
        case .reconnected: add(&self, "reconnected")
        case .ended(let reason, _, _) where session.endedAt != nil:
            append(
                "media_event", event.time, "room", event.room, "session", session.number, "media_line", line,
                "event", "ended", "reason", reason, "journal", event.journal, "number", event.number)
        case .ended(let reason, let totals, let uid):
            end(
                session, at: event.time, reason: reason, totals: totals, "by", uid.map { "uid \($0)" },
                "journal",
                event.journal, "number", event.number)
        case .publisherLive:
            rooms[event.room]?.lastLiveAt = event.time
            add(&self, "publisher_live")
        case .publisherGone: add(&self, "publisher_silent")
        case .trackKnown(let kind, let codec, let width, _, let profile):
            add(
                &self, "track_known", "media", kind, "codec", codec, "width", Int64(width),
                "profile_level_id",
                String(profile, radix: 16))
        case .keyframeInterval(let milliseconds):
            add(&self, "keyframe_interval", "milliseconds", Int64(milliseconds))
        case .troubles(let codes, let interval):
            add(&self, "troubles_changed", "troubles", codes, "keyframe_interval", Int64(interval))
        case .layerSwitched(let layer): add(&self, "layer_switched", "layer", Int64(layer))
        case .other: add(&self, "media_event")
        }
    }

    // MARK: Retention

    private mutating func forget(_ command: StoreCommand, at now: Int64) -> String {
        switch command {
        case .eraseClient(let session):
            guard clients.removeValue(forKey: session) != nil else { return "false" }
            append("client_erased", now, "session", session, "by", "uid 0")
            return "true"
        case .eraseClients(let time):
            let count = clients.count
            clients = clients.filter { $0.value.notedAt >= time }
            guard clients.count < count else { return "0" }
            append("client_erased", now, "count", Int64(count - clients.count))
            return "\(count - clients.count)"
        case .checkpoint(let time):
            let young = times.filter { $0.value >= time }.keys.min() ?? .max
            let through = min(young - 1, last - 1)
            guard through > checkpoint, audit[through] != nil else { return "0" }
            checkpoint = through
            append("pruned", now, "through", through, "hash", "*")
            return "\(through)"
        case .prune(let time, let limit):
            let rows = audit.keys.filter { $0 <= checkpoint }.sorted().prefix(limit)
            for row in rows { (audit[row], times[row]) = (nil, nil) }
            let old = sessions.values.filter { ($0.endedAt ?? .max) < time }
                .sorted { ($0.endedAt ?? 0, $0.number) < ($1.endedAt ?? 0, $1.number) }.prefix(limit)
            for session in old { (sessions[session.number], clients[session.number]) = (nil, nil) }
            let ended = rooms.values.filter { ($0.endedAt ?? .max) < time }.map(\.id).sorted().prefix(limit)
            for room in ended { rooms[room] = nil }
            return "\([rows.count, old.count, ended.count].contains(limit))"
        default: return ""
        }
    }

    // MARK: Rows

    private mutating func change(_ room: Int64, _ body: (inout StoredRoom) -> Void) throws {
        guard var changed = rooms[room], changed.endedAt == nil else { throw StoreError.conflict }
        body(&changed)
        rooms[room] = changed
    }

    private mutating func append(_ kind: String, _ time: Int64, _ details: Any?...) {
        append(kind, time, details)
    }

    private mutating func append(_ kind: String, _ time: Int64, _ details: [Any?]) {
        last += 1
        var body = "{\"seq\":\(last),\"time\":\(time),\"kind\":\"\(kind)\""
        for index in stride(from: 0, to: details.count, by: 2) {
            guard let name = details[index], let value = details[index + 1] else { continue }
            body += ",\"\(name)\":\(Self.written(value))"
        }
        audit[last] = body + "}"
        times[last] = time
    }

    private static func written(_ value: Any) -> String {
        if let texts = value as? [String] { return "[\(texts.map(written).joined(separator: ","))]" }
        guard let text = value as? String else { return "\(value)" }
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\u000a").replacing("\u{1}", with: "\\u0001")
        return "\"\(escaped)\""
    }
}
