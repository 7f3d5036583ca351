import SigmaLoad
import Testing

@Suite("Histogram: three significant digits")
struct HistogramTests {
    /// A sequence that repeats from run to run.
    private struct Values {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 16
        }
    }

    private func exact(_ sorted: [Int64], _ share: Double) -> Int64 {
        let rank = max(1, Int((share * Double(sorted.count)).rounded(.up)))
        return sorted[rank - 1]
    }

    @Test(arguments: [1 as UInt64, 2, 3, 4])
    func `percentiles are the exact ones, rounded up by at most 0.1 %`(seed: UInt64) {
        var values = Values(state: seed)
        var histogram = Histogram()
        var all: [Int64] = []
        for _ in 0..<20_000 {
            // Spread over all magnitudes up to 2⁴⁰.
            let value = Int64(values.next() % (1 << 40) >> (values.next() % 40))
            all.append(value)
            histogram.note(value)
        }
        all.sort()
        for share in [0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1] {
            let found = histogram.percentile(share) ?? -1
            let wanted = exact(all, share)
            #expect(found >= wanted && Double(found) <= Double(wanted) * 1.001, "\(share)")
        }
        #expect(histogram.maximum == all.last)
        #expect(histogram.count == 20_000)
    }

    @Test func `small values are exact`() {
        var histogram = Histogram()
        for value in (0 as Int64)..<2048 { histogram.note(value) }
        #expect(histogram.percentile(0) == 0)
        #expect(histogram.percentile(0.5) == 1023)
        #expect(histogram.percentile(1) == 2047)
    }

    @Test func `values out of range count as its ends`() {
        var histogram = Histogram()
        histogram.note(-5)
        histogram.note(.max)
        #expect(histogram.percentile(0.5) == 0)
        #expect(histogram.percentile(1) == Histogram.highest)
    }

    @Test func `nothing has no percentile`() { #expect(Histogram().percentile(0.5) == nil) }
}
