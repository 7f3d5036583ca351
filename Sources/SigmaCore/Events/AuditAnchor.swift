/// Where the audit chain that signaling keeps ends.
package struct AuditHead: Equatable, Sendable, CustomStringConvertible {
    package let sequence: UInt64
    /// 32 octets.
    package let hash: [UInt8]

    /// `nil` when `hash` has another length.
    package init?(sequence: UInt64, hash: [UInt8]) {
        guard hash.count == 32 else { return nil }
        self.sequence = sequence
        self.hash = hash
    }

    /// The line of the log.
    package var description: String {
        let digits = Array("0123456789abcdef")
        let hex = hash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "audit head \(sequence) \(String(hex))"
    }
}

/// The newest head of the audit chain, kept where signaling cannot change it, and what the log knows of it.
///
/// ```
///  none ──any──▶ kept ──a higher sequence, or a chain that begins anew──▶ kept
/// ```
package struct AuditAnchor: Sendable {
    package private(set) var head: AuditHead?
    private var logged: AuditHead?
    private var lastLine: Instant?
    /// A chain that grows all the time is named this often.
    private static let pause = Interval.seconds(60)

    package init() {}

    package enum Outcome: Equatable, Sendable {
        case moved
        /// It is the one that is kept.
        case known
        /// The one that is kept is further on.
        case behind
        /// The one that is kept has another hash for the same sequence.
        case contradicted
    }

    /// - Parameter isReset: The chain begins anew: whatever is kept goes.
    package mutating func take(_ new: AuditHead, isReset: Bool) -> Outcome {
        guard new != head else { return .known }
        if let head, !isReset {
            guard new.sequence >= head.sequence else { return .behind }
            guard new.sequence > head.sequence else { return .contradicted }
        }
        head = new
        return .moved
    }

    /// When ``takeLine(at:)`` has something; `nil` while the log knows all.
    package var lineDue: Instant? {
        guard head != logged else { return nil }
        return lastLine.map { $0 + Self.pause } ?? .zero
    }

    /// What the log is to be told now.
    package mutating func takeLine(at now: Instant) -> AuditHead? {
        guard let lineDue, lineDue <= now else { return nil }
        lastLine = now
        logged = head
        return head
    }
}
