import SigmaCore
import SigmaTestKit
import Testing

@Suite("TimerWheel")
struct TimerWheelTests {
    private static func milliseconds(_ count: Int64) -> Instant { Instant(nanoseconds: count * 1_000_000) }

    /// Against a plain list of deadlines: nothing early, nothing more than a tick late, nothing twice or forgotten.
    @Test(arguments: UInt64(1)...6)
    func `meets every deadline once, within a tick`(seed: UInt64) {
        var wheel = TimerWheel(slots: 200)
        var deadlines: [Int: Int64] = [:]
        var dice = SplitMix64(seed: seed)
        func roll(_ bound: UInt64) -> UInt64 { dice.next() % bound }
        var now: Int64 = 5_000_000
        _ = wheel.takeDue(at: Self.milliseconds(now))
        for _ in 0..<20_000 {
            let slot = Int(roll(200))
            switch roll(10) {
            case 0:
                wheel.cancel(slot)
                deadlines[slot] = nil
            case 1:
                let moment = now + 11 + Int64(roll(40_000))
                wheel.hasten(slot, to: Self.milliseconds(moment))
                deadlines[slot] = min(deadlines[slot] ?? .max, moment)
            case 2...4:
                let moment = now + 11 + Int64(roll(roll(2) == 0 ? 100 : 40_000))
                wheel.schedule(slot, at: Self.milliseconds(moment))
                deadlines[slot] = moment
            default:
                now += Int64(roll(roll(50) == 0 ? 30_000 : 30))
                while let due = wheel.takeDue(at: Self.milliseconds(now)) {
                    let deadline = deadlines.removeValue(forKey: due)
                    #expect(deadline.map { $0 <= now } == true)
                }
                #expect(deadlines.values.allSatisfy { $0 > now - 10 })
            }
            #expect(wheel.count == deadlines.count)
            if let next = wheel.deadline {
                #expect(deadlines.values.allSatisfy { next.nanoseconds <= ($0 + 10) * 1_000_000 })
            }
        }
    }

    @Test func `a slot that is set to the past waits for the next tick, so that no pass is endless`() {
        var wheel = TimerWheel(slots: 1)
        let now = Self.milliseconds(1000)
        wheel.schedule(0, at: now)
        let first = wheel.takeDue(at: now)
        wheel.schedule(0, at: .zero)
        let second = wheel.takeDue(at: now)
        let third = wheel.takeDue(at: Self.milliseconds(1010))
        #expect(first == 0 && second == nil && third == 0)
    }

    @Test func `sleeps until a deadline, a turn at most`() {
        var wheel = TimerWheel(slots: 2)
        #expect(wheel.deadline == nil)
        _ = wheel.takeDue(at: Self.milliseconds(70))
        wheel.schedule(0, at: Self.milliseconds(500))
        #expect(wheel.deadline == Self.milliseconds(500))
        wheel.schedule(1, at: Self.milliseconds(205))
        #expect(wheel.deadline == Self.milliseconds(210))
        wheel.cancel(1)
        // A turn and a bit ahead: its bucket is the current one, and yet nobody is to be woken now.
        wheel.schedule(1, at: Self.milliseconds(70 + 10_240))
        #expect(wheel.deadline == Self.milliseconds(500))
        wheel.cancel(1)
        wheel.schedule(0, at: Self.milliseconds(60))
        #expect(wheel.deadline == Self.milliseconds(80))
    }
}
