import FoundationEssentials
import GRDB

/// What is wrong with the chain.
package enum AuditFault: Error, Equatable, Sendable {
    /// A row is missing: `expected` should be where `found` is.
    case missing(expected: Int64, found: Int64)
    /// The row's hash is not that of its body and the row before.
    case altered(sequence: Int64)
    /// The row's body says that it is another.
    case misplaced(sequence: Int64)
    /// The row is not the one that was anchored: the chain was computed again, from there or from before.
    case recomputed(sequence: Int64)
    /// The chain ends before the row that was anchored.
    case cut(last: Int64, anchored: Int64)
    /// Nothing is there, not even a checkpoint, but a row was anchored.
    case empty(anchored: Int64)
}

/// The outcome of walking the chain.
package struct Verification: Sendable, Equatable {
    /// Rows that were looked at.
    package let rows: Int64
    /// What the chain begins after.
    package let checkpoint: AuditHead
    package let head: AuditHead
    /// Anchors that could be compared: those above the checkpoint.
    package let anchors: Int
    /// The first fault; `nil` for a whole chain.
    package let fault: AuditFault?
}

/// Walks the chain, row by row.
struct ChainWalk {
    private(set) var last: AuditHead
    private(set) var rows: Int64 = 0
    private(set) var anchorsMet = 0
    private var anchors: [Int64: [[UInt8]]]

    init(after checkpoint: AuditHead, anchors: [AuditHead]) {
        last = checkpoint
        self.anchors = Dictionary(grouping: anchors, by: \.sequence).mapValues { $0.map(\.hash) }
    }

    /// Takes the next row.
    mutating func step(sequence: Int64, body: String, claimed: Int64?, hash: [UInt8]) throws(AuditFault) {
        guard sequence == last.sequence + 1 else {
            throw .missing(expected: last.sequence + 1, found: sequence)
        }
        guard claimed == sequence else { throw .misplaced(sequence: sequence) }
        guard last.hash(ofNext: body) == hash else { throw .altered(sequence: sequence) }
        try meet(AuditHead(sequence: sequence, hash: hash))
        rows += 1
    }

    /// Compares a place in the chain with what was anchored of it.
    mutating func meet(_ head: AuditHead) throws(AuditFault) {
        for anchored in anchors.removeValue(forKey: head.sequence) ?? [] {
            guard anchored == head.hash else { throw .recomputed(sequence: head.sequence) }
            anchorsMet += 1
        }
        last = head
    }

    /// After the last row.
    func finish() throws(AuditFault) {
        guard let beyond = anchors.keys.filter({ $0 > last.sequence }).max() else { return }
        throw last.sequence == 0 ? .empty(anchored: beyond) : .cut(last: last.sequence, anchored: beyond)
    }
}

extension Database {
    /// Walks the chain from the last checkpoint.
    ///
    /// - Parameter anchors: Places of the chain as they were noted elsewhere.
    func verifyAudit(anchors: [AuditHead]) throws -> Verification {
        let row = try Row.fetchOne(
            self, sql: "SELECT seq, hash FROM audit_checkpoint ORDER BY seq DESC LIMIT 1")
        let checkpoint = row.map { row -> AuditHead in
            let hash: Data = row["hash"]
            return AuditHead(sequence: row["seq"], hash: Array(hash))
        }
        let start = checkpoint ?? .origin
        var walk = ChainWalk(after: start, anchors: anchors)
        var fault: AuditFault?
        do throws(any Error) {
            try walk.meet(start)
            let rows = try Row.fetchCursor(
                self,
                sql: """
                    SELECT seq, body, hash, json_extract(body, '$.seq') AS claimed FROM room_event
                    WHERE seq > ? ORDER BY seq
                    """, arguments: [start.sequence])
            while let row = try rows.next() {
                let hash: Data = row["hash"]
                try walk.step(
                    sequence: row["seq"], body: row["body"], claimed: row["claimed"], hash: Array(hash))
            }
            try walk.finish()
        } catch let found as AuditFault {
            fault = found
        }
        return Verification(
            rows: walk.rows, checkpoint: start, head: walk.last, anchors: walk.anchorsMet, fault: fault)
    }
}
