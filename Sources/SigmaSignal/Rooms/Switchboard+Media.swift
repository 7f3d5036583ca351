import FoundationEssentials
import Logging
import SigmaControl
import SigmaSDP
import SigmaStore

// What media says becomes belief at once, and history when it is stored.
extension Switchboard {
    func handle(_ update: ControlUpdate) async {
        switch update {
        case .ready(let hello, let items):
            await begin(hello, items)
        case .event(let event, let isPast):
            await apply(event, isPast: isPast)
        case .gap(let first, let last):
            logger.error("media's journal no longer has the events \(first) to \(last)")
            let journal = journal
            passed = nil
            record { try $0.recordGap(in: journal, from: Int64(clamping: first), to: Int64(clamping: last)) }
        case .caughtUp:
            endMissing()
        case .disconnected:
            for ending in endings.values { ending.complete(.failure(.mediaUnavailable)) }
            endings = [:]
        }
    }

    private func begin(_ hello: MediaHello, _ items: [SessionItem]) async {
        let journal = hello.journalID.hexadecimal
        let served = items.compactMap { item in SessionID(octets: item.sessionID).map { (id: $0, item: item) }
        }
        let wanted = served.filter { !abandoned.contains($0.id) }.map(\.item)
        let unwanted =
            table.reconcile(with: wanted, at: Self.now()) + served.map(\.id).filter { abandoned.contains($0) }
        abandoned = []
        self.served = Set(served.map(\.id.hash))
        logger.info(
            "connected to \(hello.program): \(table.rooms.count) rooms, \(table.sessions.count) sessions")
        self.journal = journal
        isBehind = false
        passed = nil
        if hello.hasAnchor { compare(with: hello.anchor) }
        record { try $0.begin(journal, of: hello.program) }
        adopt(served.filter { table.sessions[$0.id] != nil })
        await post(closing: unwanted, .signalingLost)
    }

    private func compare(with anchor: Anchor) {
        let anchored = AuditHead(sequence: Int64(clamping: anchor.sequence), hash: Array(anchor.hash))
        let agreement = store.submit { try $0.compare(with: anchored) }
        Task {
            if let agrees = try? await agreement.value(), !agrees { noteMismatch(anchored) }
        }
    }

    /// Writes sessions that have no row, and learns what the rows of the others say.
    private func adopt(_ served: [(id: SessionID, item: SessionItem)]) {
        let sessions = served.map { (id, item) in
            (
                id,
                NewSession(
                    idHash: id.hash, room: Int64(clamping: item.roomID),
                    role: item.role == .publisher ? .publisher : .viewer,
                    openedAt: Int64(clamping: item.openedAt / 1_000_000))
            )
        }
        let recovered = table.rooms.values.filter { $0.name == RoomName(recovered: $0.id) }.map {
            $0.row(by: "recovery")
        }
        let stored = store.submit { transaction -> Adopted in
            var adopted = Adopted()
            for room in recovered {
                switch try transaction.room(room.id) {
                case nil: try transaction.create(room)
                case let row? where row.endedAt != nil: adopted.endedRooms.append(room.id)
                case _?: break
                }
            }
            for (id, session) in sessions {
                try transaction.adopt(session, at: transaction.now)
                adopted.rows[id] = try transaction.session(session.idHash)
            }
            return adopted
        }
        recollection = Task {
            do throws(StoreError) { await recall(try await stored.value()) } catch { fallBehind(error) }
        }
    }

    /// What the store has of a snapshot.
    private struct Adopted: Sendable {
        var rows: [SessionID: StoredSession] = [:]
        /// Ended while media could not be told.
        var endedRooms: [Int64] = []
    }

    private func recall(_ adopted: Adopted) async {
        for (id, row) in adopted.rows {
            let description = row.credentialsHash.map {
                Session.Description(credentials: $0, entityTag: row.entityTag)
            }
            table.recall(
                id, number: row.number, description: description,
                media: row.media.flatMap { PublishedMedia(stored: $0) })
        }
        for room in adopted.endedRooms.compactMap({ RoomID(number: UInt64(clamping: $0)) }) {
            await post(closing: table.end(room: room), .kicked)
        }
    }

    private func apply(_ event: Event, isPast: Bool) async {
        let id = SessionID(octets: event.sessionID)
        // One that was replaced is forgotten already.
        if let id, table.sessions[id] != nil || event.ended.reason == .replaced, !isPast {
            logger.info("session \(id): \(Self.text(event))")
        }
        let stored = remember(event)
        if case .ended = event.body, let id, let ending = endings.removeValue(forKey: id) {
            Task {
                do throws(StoreError) {
                    guard let stored else { throw .inaccessible }
                    ending.complete(.success(try await stored.value()))
                } catch {
                    ending.complete(.failure(Problem(error)))
                }
            }
        }
        if isPast { return }
        await post(closing: table.apply(event), .publisherBye)
    }

    /// Stores an event.
    ///
    /// - Returns: `nil` where it is not tried, or leaves no row.
    private func remember(_ event: Event) -> Pending<Void, StoreError>? {
        let (journal, number) = (journal, Int64(clamping: event.number))
        let before = passed
        guard let row = SigmaStore.MediaEvent(event, journal: journal) else {
            // Anchors, above all: noting each as seen would make a commit, and so the next anchor.
            passed = min(before?.lowerBound ?? number, number)...number
            return nil
        }
        passed = nil
        return record { transaction in
            if let before { try transaction.skip(before, of: journal) }
            try transaction.record(row)
        }
    }

    /// Stores what follows from what media says; while the store is behind, media's journal keeps that.
    ///
    /// - Returns: `nil` where it is not tried.
    @discardableResult
    func record(
        _ work: @escaping @Sendable (inout StoreTransaction) throws -> Void
    ) -> Pending<Void, StoreError>? {
        guard !isBehind else { return nil }
        return store.submit(work, failed: { error in Task { await self.fallBehind(error) } })
    }

    /// Ends the rows of sessions that media no longer has and never told the end of.
    private func endMissing() {
        let known = served.union(table.sessions.keys.map(\.hash)).union(abandoned.map(\.hash))
        served = []
        record { try $0.endSessions(besides: known, reason: "media_lost") }
    }

    private static func text(_ event: Event) -> String {
        switch event.body {
        case .connected: "connected"
        case .disconnected: "disconnected"
        case .reconnected: "connected again"
        case .ended(let ended): "ended (\(ended.reason.text))"
        case .publisherLive: "live"
        case .publisherGone: "no longer live"
        case .trackKnown(let track) where track.kind == .video: "video, \(track.width)x\(track.height)"
        case .trackKnown(let track): "\(track.kind)"
        case .keyframeInterval(let interval): "a keyframe every \(interval.milliseconds) ms"
        case .trackTrouble(let trouble) where trouble.troubles.isEmpty: "no troubles in the video"
        case .trackTrouble(let trouble):
            "the video has \(Advice.all(for: [trouble]).map(\.code).joined(separator: ", ")), "
                + "keyframes up to \(trouble.keyframeInterval) ms apart"
        case .layerSwitched, .gap, .anchored, nil: "event \(event.number)"
        }
    }
}
