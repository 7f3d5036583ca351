/// Decides when a line that strangers can provoke is logged: once in 10 s, with the count of what it stands for.
package struct RareLine: Sendable {
    private var suppressed = 0
    private var last: Int64?

    private static let pause: Int64 = 10_000_000_000

    package init() {}

    /// Counts one occasion.
    ///
    /// - Parameter now: Nanoseconds of a clock that never goes back.
    /// - Returns: How many the line stands for; `nil` where none is due.
    package mutating func count(at now: Int64) -> Int? {
        suppressed += 1
        if let last, now - last < Self.pause { return nil }
        defer { suppressed = 0 }
        last = now
        return suppressed
    }
}
