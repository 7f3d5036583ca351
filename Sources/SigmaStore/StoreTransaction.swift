import FoundationEssentials
package import GRDB

/// The next event that is wanted of a journal of media's.
package struct MediaPosition: Sendable, Equatable {
    /// The journal's id, hexadecimal.
    package let journal: String
    package let next: Int64
}

/// What may be changed together: all of it is stored, or nothing.
///
/// It is valid inside the closure that was given it. The audit entries that belong to a change are written
/// by it, so that neither is there without the other.
package struct StoreTransaction {
    let database: Database
    /// Unix time, ms.
    package let now: Int64
    /// The last row of the audit.
    package private(set) var head: AuditHead
    /// The rows of the audit that this transaction adds.
    package private(set) var records: [AuditRecord] = []
    /// Where media's journal goes on after what this transaction has noted of it.
    var position: MediaPosition?
    /// Whether personal data went, of which the log of SQLite still has a copy.
    var hasErased = false

    init(_ database: Database, now: Int64) throws {
        self.database = database
        self.now = now
        head = try Self.head(database)
    }

    /// Adds a row to the audit.
    ///
    /// - Returns: Its sequence number.
    @discardableResult
    package mutating func append(_ entry: AuditEntry) throws -> Int64 {
        let sequence = head.sequence + 1
        let body = entry.body(sequence: sequence)
        let hash = head.hash(ofNext: body)
        try execute(
            "INSERT INTO room_event (seq, body, hash) VALUES (?, ?, ?)", [sequence, body, Data(hash)])
        head = AuditHead(sequence: sequence, hash: hash)
        records.append(AuditRecord(sequence: sequence, kind: entry.kind.rawValue, body: body, hash: hash))
        return sequence
    }

    /// Does `work`, or nothing of it.
    mutating func atomically(_ work: (inout StoreTransaction) throws -> Void) throws {
        let (head, count, position) = (head, records.count, position)
        do {
            try database.inSavepoint {
                try work(&self)
                return .commit
            }
        } catch {
            self.head = head
            self.position = position
            records.removeSubrange(count...)
            throw error
        }
    }

    func execute(_ sql: String, _ arguments: StatementArguments) throws {
        try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The last row, or the last checkpoint where there is no row after it.
    static func head(_ database: Database) throws -> AuditHead {
        let event = "SELECT seq, hash FROM room_event ORDER BY seq DESC LIMIT 1"
        return try AuditHead.fetchOne(database.cachedStatement(sql: event)) ?? checkpoint(database)
    }

    /// What the chain begins after.
    static func checkpoint(_ database: Database) throws -> AuditHead {
        let last = "SELECT seq, hash FROM audit_checkpoint ORDER BY seq DESC LIMIT 1"
        return try AuditHead.fetchOne(database.cachedStatement(sql: last)) ?? .origin
    }
}

extension AuditHead: FetchableRecord {
    package init(row: Row) throws {
        self.init(
            sequence: try row.decode(forColumn: "seq"),
            hash: Array(try row.decode(Data.self, forColumn: "hash")))
    }
}
