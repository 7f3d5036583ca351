package import SigmaCore

/// How many datagrams a slice of the fan-out may have, from what they cost and how long it goes on.
///
/// No slice takes longer than 500 µs, as far as the cost of the last ones tells. A burst begins with short ones:
/// a publisher's frame comes in over some tens of microseconds, and who has been served by then gets the rest of it
/// as a second run.
package struct FanOutBudget: Sendable {
    package static let sliceLimit = Interval(nanoseconds: 500_000)
    private static let first = 16
    private static let least = 8

    /// Datagrams of a batch.
    private let capacity: Int
    /// ns of one datagram.
    private var cost: Int64 = 1500
    private var ramp = FanOutBudget.first

    package init(capacity: Int) { self.capacity = capacity }

    /// For the next slice.
    package var datagrams: Int {
        min(capacity, ramp, max(Self.least, Int(Self.sliceLimit.nanoseconds / max(1, cost))))
    }

    /// A slice has ended.
    ///
    /// - Parameters:
    ///   - isDone: Nothing was left.
    package mutating func note(datagrams: Int, took interval: Interval, isDone: Bool) {
        ramp = isDone ? Self.first : min(capacity, ramp * 2)
        // A few say more of the call than of themselves.
        guard datagrams >= Self.least else { return }
        let measured = interval.nanoseconds / Int64(datagrams)
        cost += (min(max(measured, 1), 1_000_000) - cost) / 8
    }
}
