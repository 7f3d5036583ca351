package import SigmaWire

/// How one direction of a path treats datagrams.
package struct LinkConditions: Equatable, Sendable {
    /// Probability that a datagram is lost, 0 to 1.
    package var loss: Double
    /// Nanoseconds that every datagram takes.
    package var delay: Int64
    /// Up to this many nanoseconds more, each datagram for itself: more than the spacing reorders.
    package var jitter: Int64
    /// Probability that a datagram comes twice.
    package var duplicate: Double

    package init(loss: Double = 0, delay: Int64 = 10_000_000, jitter: Int64 = 0, duplicate: Double = 0) {
        self.loss = loss
        self.delay = delay
        self.jitter = jitter
        self.duplicate = duplicate
    }

    package static let perfect = LinkConditions()
    /// Everything is lost.
    package static let cut = LinkConditions(loss: 1)
}

/// One datagram under way.
package struct Delivery: Equatable, Sendable {
    package let source: Address
    package let destination: Address
    package let bytes: [UInt8]
    /// On the simulation's clock.
    package let at: Int64
}

/// Datagrams between addresses, in virtual time, under seeded conditions per direction.
///
/// The same seed and the same sends give the same deliveries.
package struct SimulatedNetwork: Sendable {
    private struct Direction: Hashable {
        let source: Address
        let destination: Address
    }

    private struct Entry {
        let delivery: Delivery
        /// Breaks ties, so that equal times keep the order of sending.
        let number: UInt64
    }

    private var random: SplitMix64
    private var conditions: [Direction: LinkConditions] = [:]
    package var standard = LinkConditions.perfect
    /// Ordered by time, then number; the next one last.
    private var entries: [Entry] = []
    private var sent: UInt64 = 0
    package private(set) var lost: UInt64 = 0

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    package mutating func set(_ conditions: LinkConditions?, from source: Address, to destination: Address) {
        self.conditions[Direction(source: source, destination: destination)] = conditions
    }

    package mutating func send(_ bytes: [UInt8], from source: Address, to destination: Address, at now: Int64)
    {
        let link = conditions[Direction(source: source, destination: destination)] ?? standard
        let copies = random.chance(link.duplicate) ? 2 : 1
        for _ in 0..<copies {
            let extra = link.jitter > 0 ? Int64.random(in: 0...link.jitter, using: &random) : 0
            guard !random.chance(link.loss) else {
                lost += 1
                continue
            }
            sent += 1
            insert(
                Entry(
                    delivery: Delivery(
                        source: source, destination: destination, bytes: bytes, at: now + link.delay + extra),
                    number: sent))
        }
    }

    private mutating func insert(_ entry: Entry) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            let other = entries[middle]
            let isLater =
                (other.delivery.at, other.number) > (entry.delivery.at, entry.number)
            if isLater { low = middle + 1 } else { high = middle }
        }
        entries.insert(entry, at: low)
    }

    /// When the next datagram arrives.
    package var nextArrival: Int64? { entries.last?.delivery.at }

    /// The next datagram that has arrived by `now`.
    package mutating func receive(at now: Int64) -> Delivery? {
        guard let last = entries.last, last.delivery.at <= now else { return nil }
        return entries.removeLast().delivery
    }
}
