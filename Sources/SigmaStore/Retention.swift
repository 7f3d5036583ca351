import FoundationEssentials
import GRDB

extension StoreTransaction {
    /// Forgets who a session was of; the audit goes on to verify.
    ///
    /// - Returns: Whether anything was kept.
    package mutating func eraseClient(of session: Int64, by whom: String) throws -> Bool {
        try execute("DELETE FROM session_client WHERE session = ?", [session])
        guard database.changesCount > 0 else { return false }
        hasErased = true
        try append(AuditEntry(.clientErased, at: now).with("session", session).with("by", whom))
        return true
    }

    /// Forgets whom sessions were of that were opened before `time`.
    ///
    /// - Returns: How many.
    package mutating func eraseClients(before time: Int64) throws -> Int {
        try execute("DELETE FROM session_client WHERE noted_at < ?", [time])
        let count = database.changesCount
        guard count > 0 else { return 0 }
        hasErased = true
        try append(AuditEntry(.clientErased, at: now).with("count", Int64(count)))
        return count
    }

    /// Notes up to which row the audit may be forgotten: all before the first that is as young as `time`.
    ///
    /// - Returns: The new checkpoint; `nil` where there is nothing to forget.
    package mutating func checkpoint(before time: Int64) throws -> AuditHead? {
        // The last row stays, so that there is always one to go on from.
        let young = try Int64.fetchOne(
            database, sql: "SELECT min(seq) FROM room_event INDEXED BY room_event_by_time WHERE time >= ?",
            arguments: [time])
        let through = min((young ?? .max) - 1, head.sequence - 1)
        guard through > (try Self.checkpoint(database).sequence),
            let checkpoint = try AuditHead.fetchOne(
                database, sql: "SELECT seq, hash FROM room_event WHERE seq = ?", arguments: [through])
        else { return nil }
        try execute(
            "INSERT INTO audit_checkpoint (seq, hash, time) VALUES (?, ?, ?)",
            [checkpoint.sequence, Data(checkpoint.hash), now])
        try append(.pruning(through: checkpoint, at: now))
        return checkpoint
    }

    /// Forgets rows of the audit at or below the last checkpoint, and what ended before `time`.
    ///
    /// - Parameter limit: Rows at one time.
    /// - Returns: Whether anything is left to forget.
    package mutating func prune(before time: Int64, limit: Int) throws -> Bool {
        let through = try Self.checkpoint(database).sequence
        let sessions = "SELECT number FROM session WHERE ended_at < ? ORDER BY ended_at LIMIT ?"
        // What is known of a session's client goes with it, whatever else is kept how long.
        let clients = try forget("DELETE FROM session_client WHERE session IN (\(sessions))", [time, limit])
        if clients > 0 { hasErased = true }
        let counts = [
            try forget(
                "DELETE FROM room_event WHERE seq IN (SELECT seq FROM room_event WHERE seq <= ? ORDER BY seq LIMIT ?)",
                [through, limit]),
            try forget("DELETE FROM session WHERE number IN (\(sessions))", [time, limit]),
            try forget(
                "DELETE FROM room WHERE id IN (SELECT id FROM room WHERE ended_at < ? LIMIT ?)",
                [time, limit]),
        ]
        return counts.contains(limit)
    }

    /// - Returns: How many rows went.
    private func forget(_ sql: String, _ arguments: StatementArguments) throws -> Int {
        try execute(sql, arguments)
        return database.changesCount
    }
}

extension Store {
    /// Forgets what is older than the given times, Unix ms; `nil` keeps all.
    ///
    /// The checkpoint is committed before the first row goes.
    package func retain(history: Int64?, clients: Int64?) async throws(StoreError) {
        if let clients { _ = try await submit { try $0.eraseClients(before: clients) }.value() }
        guard let history else { return }
        _ = try await submit { try $0.checkpoint(before: history) }.value()
        while try await submit({ try $0.prune(before: history, limit: Self.pruneLimit) }).value() {}
    }

    /// Few enough that what waits behind it hardly notices.
    private static let pruneLimit = 1000
}
