package import SigmaSettings

/// How often addresses do what is limited, in a table of fixed size.
///
/// A virtual scheduling meter for each address and action (GCRA, ITU-T I.371): what is stored is the time at which
/// the meter would be empty again, so an entry is a few numbers and nothing has to be counted down. Full,
/// the table forgets the address of a set that has the least to wait for, which costs the limit a little and
/// nobody else anything. Time is an argument, in nanoseconds of one clock.
package struct RateTable: Sendable {
    package enum Action: Int, Sendable, CaseIterable {
        case request
        case join
        case tokenFailure
    }

    package enum Verdict: Sendable, Equatable {
        case allowed
        /// It would be allowed in so many seconds, 1 at least.
        case refused(retryAfter: Int)
    }

    /// How much may come at once: what the rate gives in this time.
    package static let tolerance: Int64 = 10_000_000_000

    /// Nanoseconds per action; `nil` for what is not limited.
    private let intervals: [Int64?]
    private var addresses: [IPAddress?]
    /// By entry and action, when the meter is empty again.
    private var dues: [Int64]
    private let setCount: Int

    private static let entriesPerSet = 8

    /// - Parameters:
    ///   - limits: The rates.
    ///   - capacity: Addresses to remember at most, 8 or more; rounded down to a multiple of 8.
    package init(limits: HTTPLimits, capacity: Int = 16_384) {
        intervals = Action.allCases.map { action in
            let rate =
                switch action {
                case .request: limits.requestsPerSecond
                case .join: limits.joinsPerSecond
                case .tokenFailure: limits.tokenFailuresPerSecond
                }
            return rate.flatMap { $0 > 0 ? 1_000_000_000 / Int64($0) : nil }
        }
        setCount = max(1, capacity / Self.entriesPerSet)
        addresses = Array(repeating: nil, count: setCount * Self.entriesPerSet)
        dues = Array(repeating: 0, count: addresses.count * Action.allCases.count)
    }

    /// Counts one action, unless it is one too many.
    package mutating func take(_ action: Action, by address: IPAddress, at now: Int64) -> Verdict {
        guard let interval = intervals[action.rawValue] else { return .allowed }
        let entry = entry(of: address, at: now)
        let slot = entry * Action.allCases.count + action.rawValue
        let due = max(dues[slot], now) + interval
        guard due - now <= Self.tolerance else { return Self.refusal(due - now - Self.tolerance) }
        dues[slot] = due
        return .allowed
    }

    /// What ``take(_:by:at:)`` would say, without counting.
    package func verdict(_ action: Action, by address: IPAddress, at now: Int64) -> Verdict {
        guard let interval = intervals[action.rawValue], let entry = known(address) else { return .allowed }
        let due = max(dues[entry * Action.allCases.count + action.rawValue], now) + interval
        return due - now <= Self.tolerance ? .allowed : Self.refusal(due - now - Self.tolerance)
    }

    private static func refusal(_ wait: Int64) -> Verdict {
        .refused(retryAfter: Int(max(1, (wait + 999_999_999) / 1_000_000_000)))
    }

    /// The entry of the address; another's where there is none yet, emptied.
    private mutating func entry(of address: IPAddress, at now: Int64) -> Int {
        if let entry = known(address) { return entry }
        let entry = entries(of: address).min { rank($0) < rank($1) } ?? 0
        addresses[entry] = address
        for action in Action.allCases { dues[entry * Action.allCases.count + action.rawValue] = now }
        return entry
    }

    private func known(_ address: IPAddress) -> Int? {
        entries(of: address).first { addresses[$0] == address }
    }

    /// Swift hashes with a seed that is new in each process, so nobody can aim at a set.
    private func entries(of address: IPAddress) -> Range<Int> {
        let set = Int(UInt(bitPattern: address.hashValue) % UInt(setCount))
        return set * Self.entriesPerSet..<(set + 1) * Self.entriesPerSet
    }

    /// Free entries first, then those whose meters are empty soonest.
    private func rank(_ entry: Int) -> Int64 {
        guard addresses[entry] != nil else { return .min }
        return Action.allCases.map { dues[entry * Action.allCases.count + $0.rawValue] }.max() ?? .min
    }
}
