package import SigmaCore

/// Which shard has which session: chooses it, says who is to relay to whom, and knows what a snapshot tells.
///
/// It lives on the control thread and changes by answers and events alone, in the order in which the shards gave
/// them, so that a snapshot fits the events that follow it.
package struct SessionDirectory {
    private let shardCount: Int
    private let sessionLimit: Int
    private var sessions: [SessionID: Entry] = [:]
    private var rooms: [RoomID: RoomEntry] = [:]
    private var lastPublication: UInt64 = 0

    /// What a shard is to be told about rooms whose viewers are not all with their publisher.
    package enum Instruction: Sendable {
        case mirror(RoomID, publication: UInt64, from: Int, media: [MediaLineRecord])
        case endMirror(publication: UInt64)
        case feed(RoomID, publication: UInt64, to: [Int])
    }

    private struct Entry {
        let shard: Int
        let roomID: RoomID
        let role: Role
        let media: [MediaLineRecord]
        let openedAt: UInt64
        /// The shard has said that it is there.
        var isOpen = false
        var state = SessionState.connecting
        var isLive = false
        var troubles: [TroubleFacts] = []
        var tracks: [TrackFacts] = []

        mutating func note(_ facts: TroubleFacts) {
            troubles.removeAll { $0.mediaLine == facts.mediaLine }
            if !facts.troubles.isEmpty { troubles.append(facts) }
        }

        mutating func note(_ facts: TrackFacts) {
            tracks.removeAll { $0.mediaLine == facts.mediaLine }
            tracks.append(facts)
        }
    }

    private struct RoomEntry {
        /// Who has the room, as its shard has said.
        var publisher: SessionID?
        /// Who will have it when its shard has opened it, since nobody else had.
        var claimant: SessionID?
        /// Also those that are about to take the room over; they are all on one shard.
        var publishers = 0
        var publication: UInt64?
        var source = 0
        var media: [MediaLineRecord] = []
        /// Open viewers of each shard.
        var viewers: [Int]
        /// Shards that are fed from the source.
        var mirrors: [Int] = []
        /// Sessions, those on their way included.
        var count = 0

        var occupant: SessionID? { publisher ?? claimant }
    }

    /// A shard that is this busy gets no further viewers of its rooms while another is less so.
    package static let fullShare = 0.6

    /// - Parameter sessionLimit: Of all shards.
    package init(shards: Int, sessionLimit: Int) {
        shardCount = shards
        self.sessionLimit = sessionLimit
    }

    package var count: Int { sessions.count }

    /// Also of one that the shard has yet to open: it takes commands in their order.
    package func shard(of sessionID: SessionID) -> Int? { sessions[sessionID]?.shard }

    /// A session that has to be gone before `request` can be granted.
    package func obstacle(to request: SessionRequest) -> SessionID? {
        if sessions[request.sessionID] != nil { return request.sessionID }
        return request.role == .publisher && !request.takesOver ? rooms[request.roomID]?.occupant : nil
    }

    // MARK: Opening

    /// Chooses the shard of a session and keeps its place until ``opened(_:)`` or ``refused(_:)``.
    ///
    /// - Parameters:
    ///   - busy: Share of its core that each shard uses, 0 to 1.
    ///   - time: Unix time, ns.
    package mutating func place(
        _ request: SessionRequest, busy: [Double], at time: UInt64
    ) throws(CommandError) -> Int {
        guard sessions[request.sessionID] == nil else { throw .sessionExists }
        let isOccupied = rooms[request.roomID]?.occupant != nil
        if request.role == .publisher, isOccupied, !request.takesOver { throw .roomOccupied }
        guard sessions.count < sessionLimit else { throw .full }
        let shard = choose(for: request, busy: busy)
        var room = rooms[request.roomID] ?? RoomEntry(viewers: Array(repeating: 0, count: shardCount))
        room.count += 1
        if request.role == .publisher {
            if !isOccupied { room.claimant = request.sessionID }
            room.publishers += 1
            room.source = shard
        }
        rooms[request.roomID] = room
        sessions[request.sessionID] = Entry(
            shard: shard, roomID: request.roomID, role: request.role, media: request.media, openedAt: time)
        return shard
    }

    /// The publisher's shard, or one that relays the room already, while it has room; else the least busy one,
    /// and of equally busy ones that with the fewest sessions.
    private func choose(for request: SessionRequest, busy: [Double]) -> Int {
        guard shardCount > 1 else { return 0 }
        if request.role == .publisher, let room = rooms[request.roomID], room.publishers > 0 {
            return room.source
        }
        if request.role == .viewer, let room = rooms[request.roomID] {
            var candidates = room.mirrors
            if room.occupant != nil { candidates.insert(room.source, at: 0) }
            if candidates.isEmpty { candidates = room.viewers.indices.filter { room.viewers[$0] > 0 } }
            if let near = candidates.first(where: { share(busy, $0) < Self.fullShare }) { return near }
        }
        var counts = Array(repeating: 0, count: shardCount)
        for entry in sessions.values { counts[entry.shard] += 1 }
        let order = (0..<shardCount).sorted {
            // Differences of a few per cent are noise.
            let (a, b) = (Int(share(busy, $0) * 10), Int(share(busy, $1) * 10))
            return (a, counts[$0], $0) < (b, counts[$1], $1)
        }
        return order[0]
    }

    private func share(_ busy: [Double], _ shard: Int) -> Double {
        busy.indices.contains(shard) ? busy[shard] : 0
    }

    /// The shard has the session now.
    package mutating func opened(_ sessionID: SessionID) -> [(shard: Int, Instruction)] {
        guard let entry = sessions[sessionID], !entry.isOpen else { return [] }
        sessions[sessionID]?.isOpen = true
        switch entry.role {
        case .publisher: return occupy(sessionID, entry)
        case .viewer: return attach(entry)
        }
    }

    /// A room that nobody has by then, whatever was known when the shard was chosen, is the publisher's.
    private mutating func occupy(_ sessionID: SessionID, _ entry: Entry) -> [(shard: Int, Instruction)] {
        if rooms[entry.roomID]?.claimant == sessionID { rooms[entry.roomID]?.claimant = nil }
        guard rooms[entry.roomID]?.publisher == nil else { return [] }
        rooms[entry.roomID]?.publisher = sessionID
        return publish(entry)
    }

    /// The shard has refused it.
    package mutating func refused(_ sessionID: SessionID) {
        guard let entry = sessions.removeValue(forKey: sessionID) else { return }
        if entry.role == .publisher {
            if rooms[entry.roomID]?.claimant == sessionID { rooms[entry.roomID]?.claimant = nil }
            rooms[entry.roomID]?.publishers -= 1
        }
        leave(entry.roomID)
    }

    private mutating func publish(_ entry: Entry) -> [(shard: Int, Instruction)] {
        guard var room = rooms[entry.roomID] else { return [] }
        lastPublication += 1
        room.publication = lastPublication
        room.source = entry.shard
        room.media = entry.media
        room.mirrors = room.viewers.indices.filter { $0 != entry.shard && room.viewers[$0] > 0 }
        rooms[entry.roomID] = room
        guard !room.mirrors.isEmpty else { return [] }
        return room.mirrors.map { (shard: $0, mirroring(entry.roomID, room)) }
            + [(shard: room.source, .feed(entry.roomID, publication: lastPublication, to: room.mirrors))]
    }

    private mutating func attach(_ entry: Entry) -> [(shard: Int, Instruction)] {
        guard var room = rooms[entry.roomID] else { return [] }
        room.viewers[entry.shard] += 1
        defer { rooms[entry.roomID] = room }
        guard let publication = room.publication, entry.shard != room.source,
            !room.mirrors.contains(entry.shard)
        else { return [] }
        room.mirrors.append(entry.shard)
        return [
            (shard: entry.shard, mirroring(entry.roomID, room)),
            (shard: room.source, .feed(entry.roomID, publication: publication, to: room.mirrors)),
        ]
    }

    private func mirroring(_ roomID: RoomID, _ room: RoomEntry) -> Instruction {
        .mirror(roomID, publication: room.publication ?? 0, from: room.source, media: room.media)
    }

    // MARK: Events

    /// Takes an event in the order of the journal.
    package mutating func note(_ record: EventRecord) -> [(shard: Int, Instruction)] {
        switch record.kind {
        case .connected:
            sessions[record.sessionID]?.state = .connected
            return takenOver(by: record.sessionID)
        case .reconnected: sessions[record.sessionID]?.state = .connected
        case .disconnected: sessions[record.sessionID]?.state = .disconnected
        case .publisherLive: sessions[record.sessionID]?.isLive = true
        case .publisherGone: sessions[record.sessionID]?.isLive = false
        case .ended: return ended(record.sessionID)
        case .trackTrouble:
            if case .trackTrouble(let facts)? = record.event { sessions[record.sessionID]?.note(facts) }
        case .trackKnown:
            if case .trackKnown(let facts)? = record.event { sessions[record.sessionID]?.note(facts) }
        case .keyframeInterval, .anchored: break
        }
        return []
    }

    /// A publisher has the room from now on, if it had not.
    private mutating func takenOver(by sessionID: SessionID) -> [(shard: Int, Instruction)] {
        guard let entry = sessions[sessionID], entry.role == .publisher,
            let room = rooms[entry.roomID], room.publisher != sessionID
        else { return [] }
        rooms[entry.roomID]?.publisher = sessionID
        return publish(entry)
    }

    private mutating func ended(_ sessionID: SessionID) -> [(shard: Int, Instruction)] {
        guard let entry = sessions.removeValue(forKey: sessionID), var room = rooms[entry.roomID] else {
            return []
        }
        var instructions: [(shard: Int, Instruction)] = []
        switch entry.role {
        case .publisher:
            room.publishers -= 1
            guard room.publisher == sessionID else { break }
            if let publication = room.publication {
                instructions = room.mirrors.map { (shard: $0, .endMirror(publication: publication)) }
            }
            room.publisher = nil
            room.publication = nil
            room.mirrors = []
        case .viewer:
            room.viewers[entry.shard] -= 1
            if room.viewers[entry.shard] == 0, let place = room.mirrors.firstIndex(of: entry.shard),
                let publication = room.publication
            {
                room.mirrors.remove(at: place)
                instructions = [
                    (shard: entry.shard, .endMirror(publication: publication)),
                    (shard: room.source, .feed(entry.roomID, publication: publication, to: room.mirrors)),
                ]
            }
        }
        rooms[entry.roomID] = room
        leave(entry.roomID)
        return instructions
    }

    private mutating func leave(_ roomID: RoomID) {
        rooms[roomID]?.count -= 1
        if rooms[roomID]?.count == 0 { rooms[roomID] = nil }
    }

    // MARK: Snapshots

    /// All open sessions, in no order.
    package var snapshot: [SessionSummary] {
        sessions.compactMap { sessionID, entry in
            guard entry.isOpen else { return nil }
            return SessionSummary(
                sessionID: sessionID, roomID: entry.roomID, role: entry.role, state: entry.state,
                isLive: entry.isLive, openedAt: entry.openedAt, troubles: entry.troubles,
                hasRoom: entry.role == .publisher && rooms[entry.roomID]?.publisher == sessionID,
                tracks: entry.tracks)
        }
    }
}
