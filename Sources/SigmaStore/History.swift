import FoundationEssentials
package import GRDB

/// Which rows of the audit are wanted.
package struct HistoryFilter: Sendable, Equatable {
    package var room: Int64?
    package var session: Int64?
    package var kinds: [String] = []
    /// Rows above this sequence number.
    package var after: Int64?
    /// Rows below this one.
    package var before: Int64?
    /// Unix time, ms; rows at or after it.
    package var since: Int64?
    /// Rows before it.
    package var until: Int64?
    /// The newest first.
    package var isDescending = false
    package var limit = 100

    package init() {}

    var statement: (sql: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments = StatementArguments()
        func want(_ condition: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            conditions.append(condition)
            arguments += [value]
        }
        want("room = ?", room)
        want("session = ?", session)
        want("seq > ?", after)
        want("seq < ?", before)
        want("time >= ?", since)
        want("time < ?", until)
        if !kinds.isEmpty {
            conditions.append("kind IN (\(kinds.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(kinds)
        }
        let filter = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND ")) "
        arguments += [limit]
        return (
            "SELECT seq, kind, body, hash FROM room_event \(filter)ORDER BY seq \(isDescending ? "DESC " : "")LIMIT ?",
            arguments
        )
    }
}

extension AuditRecord: FetchableRecord {
    package init(row: Row) throws {
        let hash: Data = row["hash"]
        self.init(sequence: row["seq"], kind: row["kind"] ?? "", body: row["body"], hash: Array(hash))
    }
}

/// Which sessions are wanted.
package struct SessionFilter: Sendable, Equatable {
    package var room: Int64?
    package var isOpen: Bool?
    /// Sessions with a number below it.
    package var before: Int64?
    package var limit = 100

    package init() {}

    var statement: (sql: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if let room {
            conditions.append("room = ?")
            arguments += [room]
        }
        if let before {
            conditions.append("number < ?")
            arguments += [before]
        }
        if let isOpen { conditions.append("ended_at IS \(isOpen ? "" : "NOT ")NULL") }
        let filter = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND ")) "
        arguments += [limit]
        return ("SELECT * FROM session \(filter)ORDER BY number DESC LIMIT ?", arguments)
    }
}

/// Everything that a start needs to know.
package struct StoredState: Sendable {
    package let rooms: [StoredRoom]
    /// Not ended.
    package let sessions: [StoredSession]
    package let head: AuditHead
}

extension Store {
    /// Rooms and sessions that have not ended.
    package func load() async throws(StoreError) -> StoredState {
        try await read { database in
            StoredState(
                rooms: try StoredRoom.fetchAll(database, sql: "SELECT * FROM room WHERE ended_at IS NULL"),
                sessions: try StoredSession.fetchAll(
                    database, sql: "SELECT * FROM session WHERE ended_at IS NULL ORDER BY number"),
                head: try StoreTransaction.head(database))
        }
    }

    /// Of the journal that was heard last.
    package func mediaPosition() async throws(StoreError) -> MediaPosition? {
        try await read { database in
            try Row.fetchOne(
                database,
                sql: "SELECT journal, next_number FROM media_position ORDER BY noted_at DESC LIMIT 1"
            ).map { MediaPosition(journal: $0["journal"], next: $0["next_number"]) }
        }
    }

    package func history(_ filter: HistoryFilter) async throws(StoreError) -> [AuditRecord] {
        try await read { database in
            let (sql, arguments) = filter.statement
            return try AuditRecord.fetchAll(database, sql: sql, arguments: arguments)
        }
    }

    /// The first and the last row; `nil` while there is none.
    package func historyBounds() async throws(StoreError) -> ClosedRange<Int64>? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT min(seq) AS first, max(seq) AS last FROM room_event")
                .flatMap { row -> ClosedRange<Int64>? in
                    guard let first: Int64 = row["first"], let last: Int64 = row["last"] else { return nil }
                    return first...last
                }
        }
    }

    package func sessions(_ filter: SessionFilter) async throws(StoreError) -> [StoredSession] {
        try await read { database in
            let (sql, arguments) = filter.statement
            return try StoredSession.fetchAll(database, sql: sql, arguments: arguments)
        }
    }

    package func session(_ number: Int64) async throws(StoreError) -> StoredSession? {
        try await read {
            try StoredSession.fetchOne($0, sql: "SELECT * FROM session WHERE number = ?", arguments: [number])
        }
    }

    /// Who the session is of, while that is kept.
    package func client(of session: Int64) async throws(StoreError) -> ClientData? {
        try await read {
            try ClientData.fetchOne(
                $0, sql: "SELECT address, user_agent FROM session_client WHERE session = ?",
                arguments: [session])
        }
    }
}
