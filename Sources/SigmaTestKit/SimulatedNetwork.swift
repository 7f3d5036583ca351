@_exported public import SigmaImpairment
package import SigmaWire

/// One datagram under way.
package struct Delivery: Equatable, Sendable {
    package let source: Address
    package let destination: Address
    package let bytes: [UInt8]
    /// On the simulation's clock.
    package let at: Int64
    /// Sent by a peer or the server, not by an attacker.
    package let isGenuine: Bool
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
    private var impairments: [Direction: Impairment] = [:]
    package var standard = LinkConditions.perfect
    /// Ordered by time, then number; the next one last.
    private var entries: [Entry] = []
    private var sent: UInt64 = 0
    package private(set) var lost: UInt64 = 0

    package init(seed: UInt64) { random = SplitMix64(seed: seed) }

    package mutating func set(_ conditions: LinkConditions?, from source: Address, to destination: Address) {
        self.conditions[Direction(source: source, destination: destination)] = conditions
    }

    /// Puts a datagram of an attacker in the way of everybody's, at a moment of his choosing.
    package mutating func inject(
        _ bytes: [UInt8], from source: Address, to destination: Address, at time: Int64
    ) {
        sent += 1
        let delivery = Delivery(
            source: source, destination: destination, bytes: bytes, at: time, isGenuine: false)
        insert(Entry(delivery: delivery, number: sent))
    }

    /// - Returns: Whether it will arrive at least once.
    @discardableResult
    package mutating func send(
        _ bytes: [UInt8], from source: Address, to destination: Address, at now: Int64, isGenuine: Bool = true
    ) -> Bool {
        let direction = Direction(source: source, destination: destination)
        let link = conditions.isEmpty ? standard : conditions[direction] ?? standard
        var impairment = impairments[direction] ?? Impairment()
        var arrives = false
        for _ in 0..<Impairment.copies(under: link, using: &random) {
            guard
                case .arrives(let delay, _) = impairment.fate(
                    of: bytes.count, under: link, at: now, using: &random)
            else {
                lost += 1
                continue
            }
            arrives = true
            sent += 1
            let delivery = Delivery(
                source: source, destination: destination, bytes: bytes, at: now + delay, isGenuine: isGenuine)
            insert(Entry(delivery: delivery, number: sent))
        }
        // Without these there is nothing to remember.
        if link.burst != nil || link.bottleneck != nil { impairments[direction] = impairment }
        return arrives
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
