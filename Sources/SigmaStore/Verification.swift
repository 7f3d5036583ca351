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
    /// No row of the chain says that it was pruned up to this checkpoint.
    case unfounded(checkpoint: Int64)
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
    private let checkpoint: AuditHead
    private var anchors: [Int64: [[UInt8]]]
    /// How a body ends that vouches for the checkpoint; empty once it was met.
    private var voucher: [UInt8] = []

    init(after checkpoint: AuditHead, anchors: [AuditHead]) {
        self.checkpoint = checkpoint
        last = checkpoint
        self.anchors = Dictionary(grouping: anchors, by: \.sequence).mapValues { $0.map(\.hash) }
        guard checkpoint.sequence > 0 else { return }
        let body = AuditEntry.pruning(through: checkpoint, at: 0).body(sequence: 0)
        voucher = Array(
            body.utf8.drop { $0 != UInt8(ascii: ",") }.dropFirst().drop { $0 != UInt8(ascii: ",") })
    }

    /// Takes the next row.
    mutating func step(sequence: Int64, body: Span<UInt8>, hash: [UInt8]) throws(AuditFault) {
        guard sequence == last.sequence + 1 else {
            throw .missing(expected: last.sequence + 1, found: sequence)
        }
        let claimed = Self.sequence(in: body)
        if let claimed, claimed != sequence { throw .misplaced(sequence: sequence) }
        guard last.hash(ofNext: body) == hash else { throw .altered(sequence: sequence) }
        guard claimed != nil else { throw .misplaced(sequence: sequence) }
        try meet(AuditHead(sequence: sequence, hash: hash))
        if !voucher.isEmpty, Self.ends(body, with: voucher) { voucher = [] }
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
        if let beyond = anchors.keys.filter({ $0 > last.sequence }).max() {
            throw last.sequence == 0 ? .empty(anchored: beyond) : .cut(last: last.sequence, anchored: beyond)
        }
        guard voucher.isEmpty else { throw .unfounded(checkpoint: checkpoint.sequence) }
    }

    /// The number with which every body begins.
    private static func sequence(in body: Span<UInt8>) -> Int64? {
        let start = Array("{\"seq\":".utf8)
        guard body.count > start.count, start.indices.allSatisfy({ body[$0] == start[$0] }) else {
            return nil
        }
        var sequence: Int64 = 0
        for index in start.count..<body.count {
            guard let digit = Int64(exactly: body[index]).map({ $0 - 0x30 }), (0...9).contains(digit) else {
                return body[index] == UInt8(ascii: ",") ? sequence : nil
            }
            let (tens, isTooMuch) = sequence.multipliedReportingOverflow(by: 10)
            let (sum, isStill) = tens.addingReportingOverflow(digit)
            guard !isTooMuch, !isStill else { return nil }
            sequence = sum
        }
        return nil
    }

    private static func ends(_ body: Span<UInt8>, with ending: [UInt8]) -> Bool {
        let start = body.count - ending.count
        return start >= 0 && ending.indices.reversed().allSatisfy { body[start + $0] == ending[$0] }
    }
}

extension Database {
    /// Walks the chain from the last checkpoint.
    ///
    /// - Parameter anchors: Places of the chain as they were noted elsewhere.
    func verifyAudit(anchors: [AuditHead]) throws -> Verification {
        let start = try StoreTransaction.checkpoint(self)
        var walk = ChainWalk(after: start, anchors: anchors)
        var fault: AuditFault?
        do throws(any Error) {
            try walk.meet(start)
            let rows = try Row.fetchCursor(
                self, sql: "SELECT seq, hash, body FROM room_event WHERE seq > ? ORDER BY seq",
                arguments: [start.sequence])
            while let row = try rows.next() {
                let sequence = try row.decode(Int64.self, atIndex: 0)
                let hash = Array(try row.decode(Data.self, atIndex: 1))
                // The octets as they are: a String would end at a NUL and mend what is not UTF-8.
                try row.withUnsafeData(atIndex: 2) {
                    try walk.step(sequence: sequence, body: ($0 ?? Data()).span, hash: hash)
                }
            }
            try walk.finish()
        } catch let found as AuditFault {
            fault = found
        }
        return Verification(
            rows: walk.rows, checkpoint: start, head: walk.last, anchors: walk.anchorsMet, fault: fault)
    }
}

extension StoreTransaction {
    /// Compares the chain with a place in it that was noted elsewhere; a contradiction becomes a row.
    ///
    /// - Returns: Whether they agree, as far as the chain is still there.
    package mutating func compare(with anchor: AuditHead) throws -> Bool {
        var agrees = anchor.sequence <= head.sequence
        if agrees, let hash = try Self.hash(of: anchor.sequence, database) { agrees = hash == anchor.hash }
        if !agrees {
            try append(
                AuditEntry(.anchorMismatch, at: now).with("sequence", anchor.sequence)
                    .with("hash", anchor.hash.hexadecimal))
        }
        return agrees
    }

    private static func hash(of sequence: Int64, _ database: Database) throws -> [UInt8]? {
        let hash =
            try Data.fetchOne(
                database, sql: "SELECT hash FROM room_event WHERE seq = ?", arguments: [sequence])
            ?? Data.fetchOne(
                database, sql: "SELECT hash FROM audit_checkpoint WHERE seq = ?", arguments: [sequence])
        return hash.map { Array($0) }
    }
}
