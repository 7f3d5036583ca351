/// Nanoseconds on the monotonic clock of the event loop.
///
/// A plain number on purpose: a test can name any instant, and nothing below the loop can ask for the time.
package struct Instant: Hashable, Comparable, Sendable, BitwiseCopyable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let zero = Instant(nanoseconds: 0)
    /// Later than anything that happens.
    package static let never = Instant(nanoseconds: .max)

    // All four: what Comparable derives from the first is a call through a witness in another module.
    @inlinable package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable package static func <= (a: Self, b: Self) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable package static func > (a: Self, b: Self) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable package static func >= (a: Self, b: Self) -> Bool { a.nanoseconds >= b.nanoseconds }

    /// Saturates at ``never``.
    package static func + (a: Self, interval: Interval) -> Self {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(interval.nanoseconds)
        return overflow ? .never : Self(nanoseconds: sum)
    }

    package static func - (a: Self, b: Self) -> Interval {
        Interval(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
}

/// A span of time in nanoseconds; a word, where `Duration` takes two and a division.
package struct Interval: Hashable, Comparable, Sendable, BitwiseCopyable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let zero = Interval(nanoseconds: 0)
    package static func seconds(_ count: Int64) -> Self { Self(nanoseconds: count * 1_000_000_000) }
    package static func milliseconds(_ count: Int64) -> Self { Self(nanoseconds: count * 1_000_000) }

    /// Whole ones.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }

    @inlinable package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable package static func <= (a: Self, b: Self) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable package static func > (a: Self, b: Self) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable package static func >= (a: Self, b: Self) -> Bool { a.nanoseconds >= b.nanoseconds }
}
