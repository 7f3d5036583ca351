package import FoundationEssentials
import GRDB

extension StoreTransaction {
    /// The session with this hash of its id.
    package func session(_ idHash: Data) throws -> StoredSession? {
        try StoredSession.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM session WHERE id_hash = ?"), arguments: [idHash])
    }

    /// Notes a session that media has opened.
    ///
    /// - Returns: Its number.
    package mutating func open(_ session: NewSession) throws -> Int64 {
        let number: Int64
        if let known = try self.session(session.idHash)?.number {
            // An event of it was heard before.
            number = known
            try execute(
                "UPDATE session SET credentials_hash = ?, entity_tag = ?, media = ? WHERE number = ?",
                [session.credentialsHash, session.entityTag, session.media, number])
        } else {
            number = try insert(session)
        }
        if let media = session.media {
            try execute("UPDATE room SET media = ? WHERE id = ?", [media, session.room])
        }
        let commitment = try session.client.map { try keep($0, of: number) }
        try append(
            AuditEntry(session.role == .publisher ? .published : .viewerJoined, at: session.openedAt)
                .with("room", session.room).with("session", number).with("client", commitment))
        return number
    }

    /// Notes a session that media has and nobody here knew.
    ///
    /// - Returns: Its number; also of one that is known.
    @discardableResult
    package mutating func adopt(_ session: NewSession, at time: Int64) throws -> Int64 {
        try adopted(session, at: time).number
    }

    /// The session as it is known, or adopted.
    mutating func adopted(_ new: NewSession, at time: Int64) throws -> StoredSession {
        if let known = try session(new.idHash) { return known }
        let number = try insert(new)
        try append(
            AuditEntry(.sessionAdopted, at: time).with("room", new.room).with("session", number)
                .with("role", new.role.rawValue))
        guard let session = try session(new.idHash) else { throw StoreError.conflict }
        return session
    }

    /// Ends all sessions that are open here and not among those that media serves.
    ///
    /// - Parameter served: Hashes of ids.
    package mutating func endSessions(besides served: Set<Data>, reason: String) throws {
        for session in try StoredSession.open(database) where !served.contains(session.idHash) {
            try end(session, at: now, reason: reason, totals: nil)
        }
    }

    /// Notes that somebody has ordered the end of a session.
    package mutating func kick(_ number: Int64, room: Int64, by whom: String) throws {
        try append(
            AuditEntry(.kicked, at: now).with("room", room).with("session", number).with("by", whom))
    }

    /// Ends a session and, with the last publisher of it, a room that does not last.
    mutating func end(
        _ session: StoredSession, at time: Int64, reason: String, totals: MediaEvent.Totals?,
        note: (AuditEntry) -> AuditEntry = { $0 }
    ) throws {
        try execute(
            """
            UPDATE session SET ended_at = ?, reason = ?, octets_sent = ?, octets_received = ? WHERE number = ?
            """, [time, reason, totals?.octetsSent, totals?.octetsReceived, session.number])
        let duration = session.connectedAt.map { max(0, time &- $0) }
        try append(
            note(
                AuditEntry(session.role == .publisher ? .publishEnded : .viewerLeft, at: time)
                    .with("room", session.room).with("session", session.number).with("reason", reason)
                    .with("duration", duration).with("octets_sent", totals?.octetsSent)
                    .with("octets_received", totals?.octetsReceived)))
        guard session.role == .publisher, let room = try room(session.room), !room.isLasting,
            room.endedAt == nil, try publishers(of: room.id).isEmpty
        else { return }
        try end(room: room.id, at: time)
    }

    /// Open publishers of a room, in the order in which they came.
    func publishers(of room: Int64) throws -> [StoredSession] {
        try StoredSession.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT * FROM session WHERE room = ? AND role = 'publisher' AND ended_at IS NULL
                    ORDER BY number
                    """), arguments: [room])
    }

    private func insert(_ session: NewSession) throws -> Int64 {
        try execute(
            """
            INSERT INTO session (id_hash, room, role, opened_at, credentials_hash, entity_tag, media)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                session.idHash, session.room, session.role, session.openedAt, session.credentialsHash,
                session.entityTag, session.media,
            ])
        return database.lastInsertedRowID
    }

    /// - Returns: The commitment to it.
    private func keep(_ client: ClientData, of number: Int64) throws -> String {
        var random = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
        try execute(
            """
            INSERT OR REPLACE INTO session_client (session, noted_at, salt, address, user_agent)
            VALUES (?, ?, ?, ?, ?)
            """, [number, now, Data(salt), client.address, client.userAgent])
        return client.commitment(salt: salt)
    }
}
