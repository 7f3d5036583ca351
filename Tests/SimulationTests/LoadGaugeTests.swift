import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import Testing

/// A loop in virtual time, a quarter of a second a step.
private struct Loop {
    var gauge: LoadGauge
    var now = Instant(nanoseconds: 1_000_000_000)
    private var used: Int64 = 0
    private var sendOverflows: UInt64 = 0
    private var receiveOverflows: UInt64 = 0
    private var answered: UInt64 = 0

    init(_ limits: LoadGauge.Limits = LoadGauge.Limits()) {
        gauge = LoadGauge(limits)
        take(waiting: 0)
    }

    private mutating func take(waiting: Int) {
        let reading = LoadGauge.Reading(
            processorTime: used, sendOverflows: sendOverflows, receiveOverflows: receiveOverflows)
        gauge.take(reading, handshakes: waiting, answered: answered, at: now)
    }

    /// - Parameters:
    ///   - busy: The share of the time that the thread runs.
    ///   - delays: Of the datagrams, ms.
    mutating func run(
        quarters: Int = 1, busy: Double = 0.1, delays: [Int64] = [], sendOverflow: UInt64 = 0,
        receiveOverflow: UInt64 = 0, waiting: Int = 0, answers: UInt64 = 0
    ) {
        for _ in 0..<quarters {
            now = now + LoadGauge.interval
            used += Int64(busy * Double(LoadGauge.interval.nanoseconds))
            for delay in delays { gauge.noteDelay(.milliseconds(delay)) }
            sendOverflows += sendOverflow
            receiveOverflows += receiveOverflow
            answered += answers
            take(waiting: waiting)
        }
    }

    /// Sleeps, as a loop does that has nothing to do.
    mutating func sleep(_ time: Interval) {
        now = now + time
        take(waiting: 0)
    }
}

@Suite("LoadGauge: what a loop takes more of")
struct LoadGaugeTests {
    @Test func `viewers are refused at 85 % of a core, publishers at 94 %`() {
        var loop = Loop()
        loop.run(quarters: 4, busy: 0.84)
        #expect(!loop.gauge.refuses(.viewer) && !loop.gauge.isOverloaded)
        loop.run(quarters: 4, busy: 0.86)
        #expect(loop.gauge.refuses(.viewer) && !loop.gauge.refuses(.publisher))
        loop.run(quarters: 4, busy: 0.95)
        #expect(loop.gauge.refuses(.viewer) && loop.gauge.refuses(.publisher))
        #expect(loop.gauge.busy > 0.94 && loop.gauge.busy < 0.96)
    }

    @Test func `a limit of the whole core is none`() {
        var limits = LoadGauge.Limits()
        limits.processor = 1
        var loop = Loop(limits)
        loop.run(quarters: 8, busy: 1)
        #expect(loop.gauge.busy == 1 && !loop.gauge.isOverloaded)
    }

    @Test func `both are taken again at a tenth less`() {
        var loop = Loop()
        loop.run(quarters: 4, busy: 0.95)
        loop.run(quarters: 4, busy: 0.86)
        #expect(loop.gauge.refuses(.publisher))
        loop.run(quarters: 4, busy: 0.84)
        #expect(loop.gauge.refuses(.viewer) && !loop.gauge.refuses(.publisher))
        loop.run(quarters: 4, busy: 0.75)
        #expect(!loop.gauge.refuses(.viewer))
    }

    @Test func `what passes within a second is no overload`() {
        var loop = Loop()
        loop.run(quarters: 4)
        loop.run(busy: 1, delays: [80])
        loop.run(quarters: 3)
        #expect(loop.gauge.pressure < 0.5)
    }

    @Test func `a long sleep is forgotten in a second of work`() {
        var loop = Loop()
        loop.sleep(.seconds(100))
        loop.run(quarters: 4, busy: 1)
        #expect(loop.gauge.isOverloaded)
    }

    @Test func `a standing delay is overload, a burst that is worked off is not (RFC 8289 §3)`() {
        var loop = Loop()
        loop.run(quarters: 8, delays: [200, 90, 1, 300])
        #expect(!loop.gauge.isOverloaded)
        loop.run(quarters: 4, delays: [200, 54, 300])
        #expect(loop.gauge.refuses(.viewer) && !loop.gauge.refuses(.publisher))
        loop.run(quarters: 4, delays: [200, 300])
        #expect(loop.gauge.refuses(.publisher))
        // Nobody sends: nothing waits.
        loop.run()
        #expect(!loop.gauge.isOverloaded)
    }

    @Test func `a datagram that found no room refuses viewers for a second`() {
        for isSent in [true, false] {
            var loop = Loop()
            loop.run(sendOverflow: isSent ? 1 : 0, receiveOverflow: isSent ? 0 : 1)
            loop.run(quarters: 3)
            #expect(loop.gauge.refuses(.viewer) && !loop.gauge.refuses(.publisher))
            loop.run()
            #expect(!loop.gauge.isOverloaded)
        }
    }

    @Test func `half a queue of handshakes refuses viewers`() {
        var loop = Loop()
        loop.run(waiting: Engine.handshakeQueueLimit / 2 - 1, answers: 5000)
        #expect(!loop.gauge.isOverloaded)
        loop.run(waiting: Engine.handshakeQueueLimit / 2, answers: 5000)
        #expect(loop.gauge.refuses(.viewer))
        loop.run(waiting: 0, answers: 5000)
        #expect(!loop.gauge.isOverloaded)
    }

    @Test func `a handshake that waits half a second refuses viewers, however short the queue`() {
        var loop = Loop()
        // 20 wait, 10 are answered in a quarter of a second.
        loop.run(quarters: 2, waiting: 20, answers: 10)
        #expect(!loop.gauge.isOverloaded)
        loop.run(quarters: 20, waiting: 20, answers: 10)
        #expect(loop.gauge.refuses(.viewer))
        // 20 wait, 100 are answered.
        loop.run(quarters: 3, waiting: 20, answers: 100)
        #expect(!loop.gauge.isOverloaded)
        // None is answered any more.
        loop.run(quarters: 3, waiting: 1)
        #expect(loop.gauge.isOverloaded)
    }
}

@Suite("Overload: running sessions come first")
struct OverloadTests {
    private func measure(_ simulation: Simulation, busy: Double) {
        for quarter in 0...4 as ClosedRange<Int64> {
            let reading = LoadGauge.Reading(
                processorTime: Int64(busy * 250_000_000) * quarter, sendOverflows: 0, receiveOverflows: 0)
            simulation.run(for: .milliseconds(250))
            simulation.server.measureLoad(reading, at: simulation.now)
        }
    }

    @Test func `a viewer is refused, a publisher is not, and viewers lose nothing`() throws {
        let simulation = try Simulation(seed: 11)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        measure(simulation, busy: 0.9)
        #expect(throws: CommandError.overloaded) { try simulation.join(.viewer) }
        #expect(simulation.server.counters.refusedOverloaded == 1)
        #expect(simulation.server.resources.sessions == 2)
        _ = try simulation.join(.publisher, room: 2)
        simulation.run(for: .seconds(2))
        let video = try #require(viewer.received(.video))
        #expect(video.packets > 100 && video.gaps == 0)

        measure(simulation, busy: 0.5)
        _ = try simulation.join(.viewer)
        #expect(simulation.connectAll())
    }
}
