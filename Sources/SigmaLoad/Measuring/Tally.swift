/// What came, summed; the difference of two moments is what came between them.
package struct Tally: Equatable, Sendable {
    package var packets = 0
    package var octets = 0
    package var expected = 0
    package var duplicates = 0
    package var outOfOrder = 0

    package init() {}

    /// Packets that never came; 0 when an old one came later than the beginning.
    package var lost: Int { max(0, expected - packets) }

    package static func + (a: Tally, b: Tally) -> Tally { combine(a, b, +) }

    package static func - (a: Tally, b: Tally) -> Tally { combine(a, b, -) }

    private static func combine(_ a: Tally, _ b: Tally, _ operation: (Int, Int) -> Int) -> Tally {
        var result = Tally()
        result.packets = operation(a.packets, b.packets)
        result.octets = operation(a.octets, b.octets)
        result.expected = operation(a.expected, b.expected)
        result.duplicates = operation(a.duplicates, b.duplicates)
        result.outOfOrder = operation(a.outOfOrder, b.outOfOrder)
        return result
    }
}
