import GRDB

/// The database as another process sees it: read only, while `sigma-signal` writes or is not there.
package struct StoreReader: Sendable {
    private let queue: DatabaseQueue

    /// - Throws: ``StoreError/inaccessible`` where there is no such file or it may not be read.
    package init(path: String) throws(StoreError) {
        var configuration = Store.configuration
        configuration.readonly = true
        do { queue = try DatabaseQueue(path: path, configuration: configuration) } catch {
            throw StoreError(error)
        }
    }

    /// - Parameter anchors: Places of the chain as they were noted elsewhere.
    package func verify(anchors: [AuditHead]) throws(StoreError) -> Verification {
        try read { try $0.verifyAudit(anchors: anchors) }
    }

    package func rooms(includingEnded: Bool) throws(StoreError) -> [StoredRoom] {
        try read {
            try StoredRoom.fetchAll(
                $0,
                sql:
                    "SELECT * FROM room \(includingEnded ? "" : "WHERE ended_at IS NULL ")ORDER BY created_at, id"
            )
        }
    }

    package func sessions(_ filter: SessionFilter) throws(StoreError) -> [StoredSession] {
        try read { try StoredSession.fetchAll($0, filter) }
    }

    /// Calls `body` for each row, in order, without holding them all.
    package func history(
        _ filter: HistoryFilter, _ body: (AuditRecord) throws -> Void
    ) throws(StoreError) {
        let (sql, arguments) = filter.statement
        try read { database in
            let records = try AuditRecord.fetchCursor(database, sql: sql, arguments: arguments)
            while let record = try records.next() { try body(record) }
        }
    }

    package func client(of session: Int64) throws(StoreError) -> ClientData? {
        try read { try ClientData.fetchOne($0, of: session) }
    }

    /// Copies the database, as it is now, into a new file.
    ///
    /// Whoever writes meanwhile is not held up: it is one read transaction.
    package func backup(to path: String) throws(StoreError) {
        do {
            let copy = try DatabaseQueue(path: path)
            try queue.backup(to: copy)
            // One file, which can be read where nothing can be written; whoever writes it turns WAL on again.
            try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
            try copy.close()
        } catch {
            throw StoreError(error)
        }
    }

    private func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do { return try queue.read(body) } catch { throw StoreError(error) }
    }
}
