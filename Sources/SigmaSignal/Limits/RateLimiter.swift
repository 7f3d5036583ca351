import SigmaSettings
import SigmaSystem
import Synchronization

/// Refuses what an address does too often.
final class RateLimiter: Sendable {
    private let table: Mutex<RateTable>
    private let clock: @Sendable () -> Int64

    /// - Parameter clock: Nanoseconds that never go back.
    init(limits: HTTPLimits, clock: @escaping @Sendable () -> Int64 = { SystemClock.monotonic() }) {
        table = Mutex(RateTable(limits: limits))
        self.clock = clock
    }

    /// Counts one action.
    ///
    /// - Parameter address: `nil` for a client without limits.
    /// - Throws: 429 where it is one too many.
    func take(_ action: RateTable.Action, by address: IPAddress?) throws(Problem) {
        guard let address else { return }
        let now = clock()
        try check(table.withLock { $0.take(action, by: address, at: now) })
    }

    /// Throws what ``take(_:by:)`` would, without counting.
    func check(_ action: RateTable.Action, by address: IPAddress?) throws(Problem) {
        guard let address else { return }
        let now = clock()
        try check(table.withLock { $0.verdict(action, by: address, at: now) })
    }

    private func check(_ verdict: RateTable.Verdict) throws(Problem) {
        if case .refused(let seconds) = verdict { throw .rateLimited(retryAfter: seconds) }
    }
}
