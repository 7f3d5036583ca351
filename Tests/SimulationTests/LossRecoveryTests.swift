import SigmaPeer
import Testing

@Suite("A viewer's requests for lost packets: RFC 4585 §6.2.1")
final class LossRecoveryTests {
    private var recovery = LossRecovery()
    /// Milliseconds.
    private var now: Int64 = 0

    private func come(
        _ index: UInt64, timestamp: UInt32 = 0, marker: Bool = false, isKeyframe: Bool = false,
        _ way: LossRecovery.Way = .original
    ) {
        recovery.note(
            .init(
                index: index, timestamp: timestamp, marker: marker, startsKeyframe: isKeyframe, way: way,
                at: .milliseconds(now)))
    }

    /// What is asked for `milliseconds` later.
    private func due(after milliseconds: Int64 = 0) -> [UInt16] {
        now += milliseconds
        return recovery.takeDue(at: .milliseconds(now))
    }

    @Test func `asks 20 ms after the gap, or after three newer packets`() {
        come(65_534)
        come(65_537)
        #expect(due(after: 19) == [])
        #expect(due(after: 1) == [65_535, 0])
        come(65_539)
        come(65_540)
        #expect(due() == [])
        come(65_541)
        #expect(due() == [2])
    }

    @Test func `what was only overtaken is not asked for`() {
        come(1)
        come(3)
        now += 10
        come(2)
        #expect(due(after: 100) == [])
        #expect(recovery.deadline == nil)
        #expect(recovery.counts == LossRecovery.Counts())
    }

    @Test func `asks again one and a half round trips later, for a second`() {
        come(1)
        come(3)
        var times: [Int64] = []
        while recovery.deadline != nil, now < 5000 {
            if due(after: 1) == [2] { times.append(now) }
        }
        #expect(times == [20, 170, 320, 470, 620, 770, 920])
        #expect(recovery.counts.lost == 1 && recovery.counts.unrecovered == 1)
        #expect(recovery.counts.requests == 7)
    }

    @Test func `asks at most ten times, 40 ms apart at least`() {
        // A round trip of next to nothing is learned.
        for index in 0..<60 as Range<UInt64> {
            come(10 * index)
            come(10 * index + 2)
            _ = due(after: 20)
            come(10 * index + 1, .rtx)
            for next in (10 * index + 3)..<(10 * index + 10) { come(next) }
        }
        #expect(recovery.counts.recoveredByRTX == 60)
        come(602)
        now += 20
        var times: [Int64] = []
        for _ in 0..<1500 {
            if due().contains(601) { times.append(now) }
            now += 1
        }
        #expect(times.count == 10)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 40 })
    }

    @Test func `a whole keyframe ends the asking for what came before, not half a one`() {
        come(1, timestamp: 1, marker: true)
        come(3, timestamp: 1, marker: true)
        #expect(due(after: 20) == [2])
        come(4, timestamp: 2, isKeyframe: true)
        come(6, timestamp: 2, marker: true)
        #expect(recovery.counts.superseded == 0)
        #expect(due(after: 200) == [2, 5])
        come(5, timestamp: 2, .rtx)
        #expect(recovery.counts.superseded == 1)
        #expect(due(after: 500) == [])
        #expect(recovery.deadline == nil)
    }

    @Test func `tells RTX from a resend under the old number (RFC 4588 §4)`() {
        come(1)
        come(4)
        #expect(due(after: 20) == [2, 3])
        come(2)
        come(3, .rtx)
        #expect(recovery.counts.recoveredByResend == 1 && recovery.counts.recoveredByRTX == 1)
        #expect(recovery.counts.recovered == recovery.counts.lost)
    }
}
