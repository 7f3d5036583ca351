/// How much longer than the fastest one the packets of a synthetic publisher took to the viewers.
///
/// Only differences count, so the clocks of both ends need not agree: they tick alike in one process.
final class DelayHistogram {
    private static let bucket: Int64 = 250_000
    private static let offset = 2_000
    private var counts = [Int](repeating: 0, count: 12_000)
    private var base: Int64?
    private var total = 0

    /// - Parameter transit: Arrival minus capture time, ns, both from any zero.
    func note(transit: Int64) {
        let base = self.base ?? transit
        self.base = base
        let place = Int((transit - base) / Self.bucket) + Self.offset
        counts[min(max(place, 0), counts.count - 1)] += 1
        total += 1
    }

    func removeAll() {
        counts = [Int](repeating: 0, count: counts.count)
        total = 0
    }

    /// - Parameter share: Of the packets, 0 to 1.
    /// - Returns: Milliseconds that at most `share` of the packets took beyond the fastest; `nil` without any.
    func milliseconds(share: Double) -> Double? {
        guard total > 0, let fastest = counts.firstIndex(where: { $0 > 0 }) else { return nil }
        let wanted = Int((Double(total) * share).rounded(.up))
        var seen = 0
        for (place, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return Double(Int64(place - fastest) * Self.bucket) / 1e6 }
        }
        return nil
    }
}
