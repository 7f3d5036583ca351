import FoundationEssentials
import GRDB

extension StoreTransaction {
    /// Forgets who a session was of; the audit goes on to verify.
    ///
    /// - Returns: Whether anything was kept.
    package mutating func eraseClient(of session: Int64, by whom: String) throws -> Bool {
        try execute("DELETE FROM session_client WHERE session = ?", [session])
        guard database.changesCount > 0 else { return false }
        try append(AuditEntry(.clientErased, at: now).with("session", session).with("by", whom))
        return true
    }

    /// Forgets whom sessions were of that were opened before `time`.
    ///
    /// - Returns: How many.
    package mutating func eraseClients(before time: Int64) throws -> Int {
        try execute("DELETE FROM session_client WHERE noted_at < ?", [time])
        let count = database.changesCount
        if count > 0 { try append(AuditEntry(.clientErased, at: now).with("count", Int64(count))) }
        return count
    }

    /// Notes up to which row the audit may be forgotten: all before the first that is as young as `time`.
    ///
    /// - Returns: The new checkpoint; `nil` where there is nothing to forget.
    package mutating func checkpoint(before time: Int64) throws -> AuditHead? {
        // The last row stays, so that there is always one to go on from.
        let young = try Int64.fetchOne(
            database, sql: "SELECT min(seq) FROM room_event WHERE time >= ?", arguments: [time])
        let through = min((young ?? .max) - 1, head.sequence - 1)
        guard
            let row = try Row.fetchOne(
                database, sql: "SELECT seq, hash FROM room_event WHERE seq = ?", arguments: [through])
        else { return nil }
        let hash: Data = row["hash"]
        try execute("INSERT INTO audit_checkpoint (seq, hash, time) VALUES (?, ?, ?)", [through, hash, now])
        try append(
            AuditEntry(.pruned, at: now).with("through", through).with("hash", hash.hexadecimal))
        return AuditHead(sequence: through, hash: Array(hash))
    }

    /// Forgets rows of the audit at or below the last checkpoint, and what ended before `time`.
    ///
    /// - Parameter limit: Rows at one time.
    /// - Returns: Whether anything is left to forget.
    package mutating func prune(before time: Int64, limit: Int) throws -> Bool {
        let through =
            try Int64.fetchOne(database, sql: "SELECT max(seq) FROM audit_checkpoint") ?? 0
        var count = 0
        try execute(
            "DELETE FROM room_event WHERE seq IN (SELECT seq FROM room_event WHERE seq <= ? ORDER BY seq LIMIT ?)",
            [through, limit])
        count = max(count, database.changesCount)
        try execute(
            "DELETE FROM session WHERE number IN (SELECT number FROM session WHERE ended_at < ? LIMIT ?)",
            [time, limit])
        count = max(count, database.changesCount)
        try execute(
            "DELETE FROM room WHERE id IN (SELECT id FROM room WHERE ended_at < ? LIMIT ?)", [time, limit])
        count = max(count, database.changesCount)
        return count == limit
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
