import GRDB

extension StoreTransaction {
    /// The next event that is wanted of a journal of media's; 1 for one that is new here.
    package func nextNumber(of journal: String) throws -> Int64 {
        try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT next_number FROM media_position WHERE journal = ?"),
            arguments: [journal]) ?? 1
    }

    /// Notes which journal media has now.
    ///
    /// - Parameter program: What media calls itself.
    package mutating func begin(_ journal: String, of program: String) throws {
        let known = try String.fetchOne(
            database, sql: "SELECT journal FROM media_position ORDER BY noted_at DESC, rowid DESC LIMIT 1")
        try execute(
            """
            INSERT INTO media_position (journal, next_number, noted_at) VALUES (?, 1, ?)
            ON CONFLICT (journal) DO UPDATE SET noted_at = excluded.noted_at
            """, [journal, now])
        guard let known, known != journal else { return }
        try append(
            AuditEntry(.mediaRestarted, at: now).with("program", program).with("from", known)
                .with("to", journal))
    }

    /// Notes an event of media, once: one that is known changes nothing.
    ///
    /// - Throws: ``StoreError/outOfOrder`` where one before it is missing.
    package mutating func record(_ event: MediaEvent) throws {
        let next = try nextNumber(of: event.journal)
        guard event.number >= next else { return }
        guard event.number == next else { throw StoreError.outOfOrder }
        try pass(event.number, of: event.journal)
        try note(event)
    }

    /// Notes events that leave no rows.
    ///
    /// - Throws: ``StoreError/outOfOrder`` where one before them is missing.
    package mutating func skip(_ numbers: ClosedRange<Int64>, of journal: String) throws {
        let next = try nextNumber(of: journal)
        guard numbers.lowerBound <= next else { throw StoreError.outOfOrder }
        if numbers.upperBound >= next { try pass(numbers.upperBound, of: journal) }
    }

    /// Notes that events were lost before anybody read them.
    ///
    /// - Throws: ``StoreError/outOfOrder`` where one before the first of them is missing.
    package mutating func recordGap(in journal: String, from first: Int64, to last: Int64) throws {
        let next = try nextNumber(of: journal)
        guard last >= next else { return }
        guard first <= next else { throw StoreError.outOfOrder }
        try pass(last, of: journal)
        try append(
            AuditEntry(.journalGap, at: now).with("journal", journal).with("first", next)
                .with("last", last))
    }

    private mutating func pass(_ number: Int64, of journal: String) throws {
        guard number < .max else { throw StoreError.conflict }
        position = MediaPosition(journal: journal, next: number + 1)
        try execute(
            """
            INSERT INTO media_position (journal, next_number, noted_at) VALUES (?, ?, ?)
            ON CONFLICT (journal) DO UPDATE SET next_number = excluded.next_number, noted_at = excluded.noted_at
            """, [journal, number + 1, now])
    }

    private mutating func note(_ event: MediaEvent) throws {
        let session = try adopted(
            NewSession(idHash: event.idHash, room: event.room, role: event.role, openedAt: event.time),
            at: event.time)
        let entry = { (kind: AuditKind) in
            AuditEntry(kind, at: event.time).with("room", event.room).with("session", session.number)
                .with("media_line", event.mediaLine.map { Int64($0) })
        }
        let numbered = { (entry: AuditEntry) in
            entry.with("journal", event.journal).with("number", event.number)
        }
        switch event.fact {
        case .connected:
            try execute(
                "UPDATE session SET connected_at = coalesce(connected_at, ?) WHERE number = ?",
                [event.time, session.number])
            let isPublisher = session.role == .publisher
            try append(numbered(entry(isPublisher ? .publisherConnected : .viewerConnected)))
            if isPublisher { try noteTakeover(by: session, at: event.time) }
        case .disconnected:
            try append(numbered(entry(.disconnected)))
        case .reconnected:
            try append(numbered(entry(.reconnected)))
        case .ended(let reason, _, _) where session.endedAt != nil:
            // It was given up before media said so.
            try append(numbered(entry(.mediaEvent).with("event", "ended").with("reason", reason)))
        case .ended(let reason, let totals, let uid):
            try end(session, at: event.time, reason: reason, totals: totals) {
                numbered($0.with("by", uid.map { "uid \($0)" }))
            }
        case .publisherLive:
            try execute("UPDATE room SET last_live_at = ? WHERE id = ?", [event.time, event.room])
            try append(numbered(entry(.publisherLive)))
        case .publisherGone:
            try append(numbered(entry(.publisherSilent)))
        case .trackKnown(let kind, let codec, let width, let height, let profile):
            try append(
                numbered(
                    entry(.trackKnown).with("media", kind).with("codec", codec)
                        .with("width", width == 0 ? nil : Int64(width))
                        .with("height", height == 0 ? nil : Int64(height))
                        .with("profile_level_id", profile == 0 ? nil : String(profile, radix: 16))))
        case .keyframeInterval(let milliseconds):
            try append(numbered(entry(.keyframeInterval).with("milliseconds", Int64(milliseconds))))
        case .troubles(let codes, let interval):
            try append(
                numbered(
                    entry(.troublesChanged).with("troubles", codes)
                        .with("keyframe_interval", Int64(interval))))
        case .layerSwitched(let layer):
            try append(numbered(entry(.layerSwitched).with("layer", Int64(layer))))
        case .other:
            try append(numbered(entry(.mediaEvent)))
        }
    }

    private mutating func noteTakeover(by session: StoredSession, at time: Int64) throws {
        let others = try publishers(of: session.room)
        guard let last = others.last(where: { $0.number != session.number && $0.connectedAt != nil }) else {
            return
        }
        try append(
            AuditEntry(.takenOver, at: time).with("room", session.room).with("session", session.number)
                .with("from", last.number))
    }
}
