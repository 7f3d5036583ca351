package import SigmaImpairment

/// A datagram that has crossed.
package struct Delivery: Equatable, Sendable {
    /// As ``ImpairedRelay/take(_:of:_:at:)`` was told.
    package let client: Int
    package let direction: Direction
    package let octets: [UInt8]
}

/// Datagrams between clients and a server under conditions for each direction.
///
/// Each direction of each client draws from a generator of its own: the same seed, the same clients in the same
/// order and the same datagrams have the same fate, whatever other clients do and however fast the machine is. Only
/// what the rate limit drops depends on when they come. It asks no clock: `now` is any that does not go back, ns.
package struct ImpairedRelay: Sendable {
    private struct Lane: Sendable {
        var random: SplitMix64
        var impairment = Impairment()
    }

    private let seed: UInt64
    private var lanes: [PerDirection<Lane>] = []
    private var queue = DeliveryQueue()
    private var darkUntil = PerDirection<Int64>(repeating: .min)
    package private(set) var conditions: PerDirection<LinkConditions>
    package private(set) var counts = PerDirection(repeating: Counts())

    /// A link that does nothing.
    package static let clear = LinkConditions(delay: 0)

    package init(seed: UInt64) {
        self.seed = seed
        conditions = PerDirection(repeating: Self.clear)
    }

    /// - Returns: The number of a new client, from 0.
    package mutating func addClient() -> Int {
        var seeds = SplitMix64(seed: seed ^ UInt64(lanes.count) << 32)
        lanes.append(
            PerDirection(
                up: Lane(random: SplitMix64(seed: seeds.next())),
                down: Lane(random: SplitMix64(seed: seeds.next()))))
        return lanes.count - 1
    }

    /// What is under way keeps the time at which it arrives.
    package mutating func apply(_ change: Change, to direction: Direction, at now: Int64) {
        switch change {
        case .loss(let share): conditions[direction].loss = share
        case .burst(let burst): conditions[direction].burst = burst
        case .delay(let time): conditions[direction].delay = time
        case .jitter(let time): conditions[direction].jitter = time
        case .reorder(let reorder): conditions[direction].reorder = reorder
        case .duplicate(let share): conditions[direction].duplicate = share
        case .rate(let bottleneck): conditions[direction].bottleneck = bottleneck
        case .blackout(let time): darkUntil[direction] = now + time
        case .clear:
            conditions[direction] = Self.clear
            darkUntil[direction] = now
        }
    }

    /// Takes a datagram; what comes of it is given out by ``next(at:)``.
    package mutating func take(_ octets: [UInt8], of client: Int, _ direction: Direction, at now: Int64) {
        precondition(lanes.indices.contains(client), "a client that was added")
        counts[direction].received += 1
        guard now >= darkUntil[direction] else {
            counts[direction].blackedOut += 1
            return
        }
        let link = conditions[direction]
        let copies = Impairment.copies(under: link, using: &lanes[client][direction].random)
        counts[direction].duplicated += copies - 1
        for _ in 0..<copies {
            let lane = lanes[client][direction]
            var (random, impairment) = (lane.random, lane.impairment)
            let fate = impairment.fate(of: octets.count, under: link, at: now, using: &random)
            lanes[client][direction] = Lane(random: random, impairment: impairment)
            switch fate {
            case .lost: counts[direction].lost += 1
            case .overflowed: counts[direction].rateDropped += 1
            case .arrives(let after, let isHeldBack):
                if isHeldBack { counts[direction].reordered += 1 }
                queue.insert(
                    Delivery(client: client, direction: direction, octets: octets), at: now + after)
            }
        }
    }

    /// When the next datagram arrives; `nil` when none is under way.
    package var deadline: Int64? { queue.first }

    /// The next datagram that has arrived by `now`.
    package mutating func next(at now: Int64) -> Delivery? {
        guard let delivery = queue.removeFirst(at: now) else { return nil }
        counts[delivery.direction].sent += 1
        return delivery
    }

    /// All counts as one JSON object, on one line.
    package var report: String {
        "{\"clients\":\(lanes.count),\"up\":\(counts[.up].json),\"down\":\(counts[.down].json)}"
    }
}
