import SigmaCore
import SigmaEngine
import Testing

@Suite("FanOutBudget")
struct FanOutBudgetTests {
    private static func note(_ budget: inout FanOutBudget, microseconds: Int64, isDone: Bool = false) {
        let count = budget.datagrams
        budget.note(
            datagrams: count, took: Interval(nanoseconds: microseconds * 1000 * Int64(count)), isDone: isDone)
    }

    @Test func `slices of a burst begin short and grow to a batch`() {
        var budget = FanOutBudget(capacity: 256)
        var sizes: [Int] = []
        for _ in 0..<6 {
            sizes.append(budget.datagrams)
            Self.note(&budget, microseconds: 1)
        }
        #expect(sizes == [16, 32, 64, 128, 256, 256])
        Self.note(&budget, microseconds: 1, isDone: true)
        let next = budget.datagrams
        #expect(next == 16)
    }

    @Test(arguments: [2, 4, 10, 50] as [Int64])
    func `a slice takes 500 µs at most, by what the last ones cost`(microseconds: Int64) {
        var budget = FanOutBudget(capacity: 256)
        for _ in 0..<60 { Self.note(&budget, microseconds: microseconds) }
        let time = Int64(budget.datagrams) * microseconds
        #expect((400...520).contains(time))
    }

    @Test func `whatever a clock says, a slice is neither empty nor more than a batch`() {
        var budget = FanOutBudget(capacity: 256)
        for interval in [Int64.max, Int64.min / 2, 0, -1, Int64.max] {
            for _ in 0..<40 {
                budget.note(datagrams: 8, took: Interval(nanoseconds: interval), isDone: false)
                let size = budget.datagrams
                #expect((8...256).contains(size))
            }
        }
    }
}
