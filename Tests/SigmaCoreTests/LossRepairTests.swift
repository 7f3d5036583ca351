import SigmaCore
import Testing

@Suite("Loss repair: RFC 4585 §6.2.1, RFC 4588")
final class LossRepairTests {
    private var repair = LossRepair(hasRTX: true)
    private var now = Instant(nanoseconds: 1_000_000_000)

    private func receive(_ indices: some Sequence<UInt64>) {
        for index in indices { _ = repair.receive(index, at: now) }
    }

    private func arrive(_ index: UInt64) -> LossRepair.Arrival { repair.receive(index, at: now) }

    private func repeated(_ index: UInt64) -> Bool { repair.receiveRetransmission(of: index, at: now) }

    private func takeDue(_ limit: Int) -> [UInt16] { repair.takeDue(at: now, atMost: limit) }

    private func givenUp() -> Int { repair.giveUp(at: now) }

    private func pass(_ milliseconds: Int64) { now = now + .milliseconds(milliseconds) }

    private func due() -> [UInt16] {
        _ = repair.giveUp(at: now)
        return repair.takeDue(at: now, atMost: 1000)
    }

    @Test func `asks for what was skipped, over the wrap, once it is surely not late`() {
        receive([65_533, 65_534, 65_538])
        #expect(due() == [])
        pass(19)
        #expect(due() == [])
        pass(1)
        #expect(due() == [65_535, 0, 1])
        #expect(due() == [])
    }

    @Test func `what was only overtaken is not asked for, and teaches patience`() {
        receive([10, 12])
        pass(15)
        #expect(arrive(11) == .late)
        pass(100)
        #expect(due() == [])
        // Later than the tolerance, once: asked for in vain.
        receive([14])
        pass(21)
        #expect(due() == [13])
        pass(5)
        #expect(arrive(13) == .recovered)
        receive([16])
        pass(31)
        #expect(due() == [])
        pass(2)
        #expect(due() == [15])
    }

    @Test func `ten times at most, a round trip apart`() {
        receive([1, 3])
        pass(20)
        var asked: [Int64] = []
        for millisecond in 0..<3000 as Range<Int64> {
            if due() == [2] { asked.append(millisecond) }
            pass(1)
        }
        #expect(asked.count == 10)
        for (earlier, later) in zip(asked, asked.dropFirst()) { #expect(later - earlier >= 125) }
        #expect(repair.missingCount == 0)
        #expect(repair.deadline == nil)
    }

    @Test func `the round trip is learned from the answers`() {
        for index in 0..<60 as Range<UInt64> {
            receive([10 * index, 10 * index + 2])
            pass(20)
            #expect(due().count == 1)
            pass(30)
            #expect(repeated(10 * index + 1))
            receive((10 * index + 3)..<(10 * index + 10))
        }
        receive([602])
        pass(20)
        _ = due()
        pass(37)
        #expect(due() == [])
        pass(4)
        #expect(due().contains(601))
    }

    @Test func `a round trip longer than the first guess is learned as well`() {
        var counts: [Int] = []
        for index in 0..<40 as Range<UInt64> {
            receive([10 * index, 10 * index + 2])
            var requests = 0
            // It is asked for after 20 ms, and that is answered 380 ms later.
            for _ in 0..<400 {
                requests += due().count
                pass(1)
            }
            #expect(repeated(10 * index + 1))
            counts.append(requests)
            receive((10 * index + 3)..<(10 * index + 10))
        }
        #expect(counts.first == 4)
        #expect(counts.suffix(10).allSatisfy { $0 == 1 })
    }

    @Test func `nothing that a newer keyframe has made superfluous, or that is too old to be had`() {
        receive([1, 4, 6])
        repair.supersede(before: 5)
        pass(20)
        #expect(due() == [5])
        pass(1481)
        #expect(givenUp() == 1)
    }

    @Test func `a retransmission counts once, and its original behind it is known`() {
        receive([1, 3])
        #expect(!repeated(1))
        #expect(repeated(2))
        #expect(!repeated(2))
        #expect(arrive(2) == .known)
        #expect(arrive(4) == .expected)
    }

    @Test func `a gap of any length costs no more than the last 256 packets of it`() {
        receive([1, 1 << 40])
        #expect(repair.missingCount == 256)
        receive([(1 << 40) + 1000])
        #expect(repair.missingCount == 256)
        pass(20)
        #expect(takeDue(100).count == 100)
        #expect(takeDue(1000).count == 156)
    }
}
