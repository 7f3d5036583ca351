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
        // A search for each kind, merged: SQLite would sort all rows of all these kinds for the first few.
        let unique = Set(kinds)
        let isMerged = room == nil && session == nil && (1...Self.mergedKinds).contains(unique.count)
        let searches = isMerged ? unique.map { search(for: [$0]) } : [search(for: unique)]
        var arguments = searches.reduce(into: StatementArguments()) { $0 += $1.arguments }
        arguments += [limit]
        let order = "ORDER BY seq \(isDescending ? "DESC " : "")LIMIT ?"
        return ("\(searches.map(\.sql).joined(separator: " UNION ALL ")) \(order)", arguments)
    }

    /// SQLite joins 500 at most.
    private static let mergedKinds = 32

    private func search(for kinds: Set<String>) -> (sql: String, arguments: StatementArguments) {
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
        if since != nil || until != nil {
            // Rows are nearly in the order of their times, so that these bounds leave little else between them;
            // with the plus the index is for the bounds only, else all between would be sorted by seq.
            let (since, until) = (since ?? .min, until ?? .max)
            let range = "FROM room_event INDEXED BY room_event_by_time WHERE time >= ? AND time < ?"
            conditions.append("seq BETWEEN (SELECT min(seq) \(range)) AND (SELECT max(seq) \(range))")
            conditions.append("+time >= ? AND +time < ?")
            arguments += [since, until, since, until, since, until]
        }
        if !kinds.isEmpty {
            conditions.append("kind IN (\(kinds.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(kinds)
        }
        let filter = conditions.isEmpty ? "" : " WHERE \(conditions.joined(separator: " AND "))"
        return ("SELECT seq, kind, body, hash FROM room_event\(filter)", arguments)
    }
}

extension AuditRecord: FetchableRecord {
    package init(row: Row) throws {
        self.init(
            sequence: try row.decode(forColumn: "seq"), kind: try row.decode(forColumn: "kind"),
            body: try row.decode(forColumn: "body"),
            hash: Array(try row.decode(Data.self, forColumn: "hash")))
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
        // Else SQLite looks through all that ever were, for the sake of the order.
        let index = isOpen == true ? "INDEXED BY session_open " : ""
        let filter = conditions.isEmpty ? "" : "WHERE \(conditions.joined(separator: " AND ")) "
        arguments += [limit]
        return ("SELECT * FROM session \(index)\(filter)ORDER BY number DESC LIMIT ?", arguments)
    }
}

/// Everything that a start needs to know.
package struct StoredState: Sendable {
    /// Not ended.
    package let rooms: [StoredRoom]
    package let head: AuditHead
    /// The last rows of the audit, in order.
    package let recent: [AuditRecord]

    static let recentCount = 1024
}

extension StoredSession {
    /// The newest first.
    static func fetchAll(_ database: Database, _ filter: SessionFilter) throws -> [StoredSession] {
        let (sql, arguments) = filter.statement
        return try fetchAll(database, sql: sql, arguments: arguments)
    }

    /// All that have not ended, by number.
    static func open(_ database: Database) throws -> [StoredSession] {
        let sql = "SELECT * FROM session INDEXED BY session_open WHERE ended_at IS NULL ORDER BY number"
        return try fetchAll(database, sql: sql)
    }
}

extension ClientData {
    static func fetchOne(_ database: Database, of session: Int64) throws -> ClientData? {
        try fetchOne(
            database, sql: "SELECT address, user_agent FROM session_client WHERE session = ?",
            arguments: [session])
    }
}

extension Store {
    /// Rooms that have not ended, and where the audit is.
    package func load() async throws(StoreError) -> StoredState {
        try await read { database in
            StoredState(
                rooms: try StoredRoom.fetchAll(database, sql: "SELECT * FROM room WHERE ended_at IS NULL"),
                head: try StoreTransaction.head(database),
                recent: try AuditRecord.fetchAll(
                    database, sql: "SELECT seq, kind, body, hash FROM room_event ORDER BY seq DESC LIMIT ?",
                    arguments: [StoredState.recentCount]
                ).reversed())
        }
    }

    /// Of the journal that was heard last.
    package func mediaPosition() async throws(StoreError) -> MediaPosition? {
        try await read { database in
            try Row.fetchOne(
                database,
                sql:
                    "SELECT journal, next_number FROM media_position ORDER BY noted_at DESC, rowid DESC LIMIT 1"
            ).map {
                MediaPosition(
                    journal: try $0.decode(forColumn: "journal"),
                    next: try $0.decode(forColumn: "next_number"))
            }
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
                    guard let first = try row.decode(Int64?.self, forColumn: "first"),
                        let last = try row.decode(Int64?.self, forColumn: "last")
                    else { return nil }
                    return first...last
                }
        }
    }

    package func sessions(_ filter: SessionFilter) async throws(StoreError) -> [StoredSession] {
        try await read { try StoredSession.fetchAll($0, filter) }
    }

    package func session(_ number: Int64) async throws(StoreError) -> StoredSession? {
        try await read {
            try StoredSession.fetchOne($0, sql: "SELECT * FROM session WHERE number = ?", arguments: [number])
        }
    }

    /// Who the session is of, while that is kept.
    package func client(of session: Int64) async throws(StoreError) -> ClientData? {
        try await read { try ClientData.fetchOne($0, of: session) }
    }
}
