/// Counts values in log-linear buckets that are exact to three significant digits, as HdrHistogram does.
///
/// ```
///  0 ..< 2048        each value its own bucket
///  2^k ..< 2^(k+1)   1024 buckets of 2^(k-10), k from 11 on
/// ```
///
/// A value above ``highest`` counts as ``highest``, a negative one as 0. No allocation after `init`.
package struct Histogram: Sendable {
    /// 2⁴⁰ - 1: 18 minutes, when the values are nanoseconds.
    package static let highest: Int64 = 1 << 40 - 1

    private static let halfBits = 10
    private static let half = 1 << halfBits

    private var buckets: [UInt64]
    package private(set) var count: UInt64 = 0
    /// The exact largest value; 0 without any.
    package private(set) var maximum: Int64 = 0

    package init() { buckets = Array(repeating: 0, count: Self.index(of: Self.highest) + 1) }

    package mutating func note(_ value: Int64) {
        let value = min(Self.highest, max(0, value))
        buckets[Self.index(of: value)] &+= 1
        count &+= 1
        maximum = max(maximum, value)
    }

    /// The smallest value that at least this share of the values do not exceed; right to 0.1 %, rounded up.
    ///
    /// - Parameter share: 0 to 1: 0.99 for p99.
    /// - Returns: `nil` without values.
    package func percentile(_ share: Double) -> Int64? {
        guard count > 0 else { return nil }
        let rank = max(1, min(count, UInt64((min(1, max(0, share)) * Double(count)).rounded(.up))))
        var seen: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            seen += bucket
            if seen >= rank { return min(maximum, Self.highestValue(in: index)) }
        }
        return maximum
    }

    private static func index(of value: Int64) -> Int {
        let bits = Int64.bitWidth - value.leadingZeroBitCount
        let shift = max(0, bits - halfBits - 1)
        // The top 11 bits, of which the first is 1 when shift > 0.
        return shift * half + Int(value >> Int64(shift))
    }

    private static func highestValue(in index: Int) -> Int64 {
        guard index >= 2 * half else { return Int64(index) }
        let shift = index / half - 1
        return Int64(index - shift * half + 1) << Int64(shift) - 1
    }
}
