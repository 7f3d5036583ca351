/// What one direction of a path remembers from one datagram to the next.
package struct Impairment: Sendable {
    private var isInBurst = false
    /// When the bottleneck has passed all that waits.
    private var freeAt: Int64 = 0

    package init() {}

    /// What becomes of one datagram, or of one of its copies.
    package enum Fate: Equatable, Sendable {
        /// It arrives so many nanoseconds later, held back besides what all are delayed by or not.
        case arrives(after: Int64, isHeldBack: Bool)
        case lost
        /// The queue of the bottleneck was full.
        case overflowed
    }

    /// - Returns: How many of a datagram are sent.
    package static func copies(under link: LinkConditions, using random: inout SplitMix64) -> Int {
        random.chance(link.duplicate) ? 2 : 1
    }

    /// - Parameters:
    ///   - octets: Of the datagram.
    ///   - now: On any clock that does not go back, ns.
    package mutating func fate(
        of octets: Int, under link: LinkConditions, at now: Int64, using random: inout SplitMix64
    ) -> Fate {
        let extra = link.jitter > 0 ? Int64.random(in: 0...link.jitter, using: &random) : 0
        guard !random.chance(link.loss), !isTaken(by: link.burst, using: &random) else { return .lost }
        var held: Int64?
        if let reorder = link.reorder, random.chance(reorder.share) {
            held = Int64.random(in: reorder.hold, using: &random)
        }
        guard let passed = pass(octets, link.bottleneck, at: now) else { return .overflowed }
        return .arrives(after: passed + link.delay + extra + (held ?? 0), isHeldBack: held != nil)
    }

    private mutating func isTaken(by burst: LinkConditions.Burst?, using random: inout SplitMix64) -> Bool {
        guard let burst else { return false }
        let isTaken = isInBurst || random.chance(burst.start)
        isInBurst = isTaken && !random.chance(burst.end)
        return isTaken
    }

    /// - Returns: Nanoseconds in the queue and through the bottleneck; `nil` when the queue is full.
    private mutating func pass(
        _ octets: Int, _ bottleneck: LinkConditions.Bottleneck?, at now: Int64
    ) -> Int64? {
        guard let bottleneck else { return 0 }
        let wait = max(0, freeAt - now)
        guard wait <= bottleneck.time(of: bottleneck.queue) else { return nil }
        let passed = wait + bottleneck.time(of: Int64(octets))
        freeAt = now + passed
        return passed
    }
}
