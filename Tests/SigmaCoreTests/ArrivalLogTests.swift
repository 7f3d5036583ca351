import SigmaCore
import SigmaTestKit
import SigmaWire
import Testing

/// What a publisher is told of, over all feedback.
private struct Told {
    /// By number: the times that feedback named, ns.
    var arrivals: [UInt16: [Int64]] = [:]
    var missing: Set<UInt16> = []
    var packets = 0
    var octets = 0

    mutating func take(from log: inout ArrivalLog) throws {
        while let feedback = log.takeFeedback() { try note(feedback) }
    }

    mutating func note(_ feedback: TransportFeedback) throws {
        var bytes = [UInt8](repeating: 0, count: 1500)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        var writer = RTCPWriter()
        let ssrc = SSRC(rawValue: 1)
        writer.appendTransportFeedback(feedback, from: ssrc, to: ssrc, number: 0, in: &raw)
        packets += 1
        octets += writer.length
        let compound = try RTCPCompoundView(bytes.span.bytes.extracting(0..<writer.length))
        var walk = compound.packets
        guard let packet = walk.next(in: compound), let view = TransportFeedbackView(packet, in: compound)
        else { throw WireError.malformed(.feedbackFormat) }
        var statuses = view.statuses
        while let status = statuses.next(in: compound) {
            if let arrival = status.arrival {
                arrivals[status.number, default: []].append(arrival)
                missing.remove(status.number)
            } else if arrivals[status.number] == nil {
                missing.insert(status.number)
            }
        }
    }
}

@Suite("ArrivalLog: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3")
struct ArrivalLogTests {
    private func time(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

    @Test func `has nothing to say before the first packet`() {
        var log = ArrivalLog()
        let feedback = log.takeFeedback()
        #expect(feedback == nil)
        #expect(log.unreportedSince == nil)
    }

    @Test func `each packet is told once, with the ones missing between (over the wrap)`() throws {
        var log = ArrivalLog()
        var told = Told()
        for step in Int64(0)..<200 where step % 10 != 7 {
            log.note(UInt16(truncatingIfNeeded: 65_400 + step), arrival: time(step * 5))
            if step % 25 == 0 { try told.take(from: &log) }
        }
        try told.take(from: &log)
        #expect(told.missing.count == 20)
        #expect(told.arrivals.count == 180)
        for (number, times) in told.arrivals {
            let step = Int64(number &- 65_400)
            #expect(times == [step * 5_000_000])
        }
    }

    @Test func `a packet that was told to be missing is told when it comes`() throws {
        var log = ArrivalLog()
        var told = Told()
        for number in [1, 2, 4, 5] as [UInt16] { log.note(number, arrival: time(Int64(number) * 10)) }
        try told.take(from: &log)
        #expect(told.missing == [3])
        #expect(log.unreportedSince == nil)
        log.note(3, arrival: time(60))
        #expect(log.unreportedSince == time(60))
        try told.take(from: &log)
        #expect(told.missing.isEmpty)
        #expect(told.arrivals[3] == [60_000_000])
        // What lies behind it is told once more, the same.
        #expect(told.arrivals[5] == [50_000_000, 50_000_000])
    }

    @Test func `a duplicate is no news and keeps its first time`() throws {
        var log = ArrivalLog()
        var told = Told()
        log.note(7, arrival: time(100))
        log.note(7, arrival: time(110))
        #expect(log.unreported == 1)
        try told.take(from: &log)
        log.note(7, arrival: time(200))
        let feedback = log.takeFeedback()
        #expect(feedback == nil)
        #expect(told.arrivals[7] == [100_000_000])
    }

    @Test func `one that comes before the first, but later, is told`() throws {
        var log = ArrivalLog()
        var told = Told()
        log.note(0, arrival: time(100))
        log.note(65_535, arrival: time(101))
        try told.take(from: &log)
        #expect(told.arrivals == [0: [100_000_000], 65_535: [101_000_000]])
    }

    @Test func `a pause too long for one packet begins another`() throws {
        var log = ArrivalLog()
        var told = Told()
        log.note(1, arrival: time(1000))
        log.note(2, arrival: time(21_000))
        try told.take(from: &log)
        #expect(told.packets == 2)
        #expect(told.arrivals == [1: [1_000_000_000], 2: [21_000_000_000]])
    }

    @Test func `wild numbers cost a bounded amount`() throws {
        var log = ArrivalLog()
        var random = SplitMix64(seed: 9)
        var told = Told()
        for step in Int64(0)..<20_000 {
            log.note(UInt16.random(in: 0...UInt16.max, using: &random), arrival: time(step))
            if step % 50 == 0 { try told.take(from: &log) }
        }
        // 400 looks; never more feedback than came in.
        #expect(told.packets <= 1200)
        #expect(told.octets <= 20_000 * 20)
    }

    @Test func `a sender that begins anew is heard after a while`() throws {
        var log = ArrivalLog()
        var told = Told()
        for number in UInt16(30_000)..<30_100 { log.note(number, arrival: time(Int64(number))) }
        try told.take(from: &log)
        // One that is merely very late changes nothing.
        log.note(10, arrival: time(40_000))
        #expect(log.unreported == 0)
        for number in UInt16(100)..<300 { log.note(number, arrival: time(50_000 + Int64(number))) }
        try told.take(from: &log)
        #expect(told.arrivals[299] == [50_299_000_000])
        #expect(told.arrivals.keys.filter { $0 < 300 }.count > 100)
    }

    @Test func `through loss, disorder and duplicates every packet is told, and told right`() throws {
        for seed in UInt64(1)...300 {
            var random = SplitMix64(seed: seed)
            var log = ArrivalLog()
            var told = Told()
            let first = UInt16.random(in: 0...65_535, using: &random)
            let loss = Double.random(in: 0...0.4, using: &random)
            var deliveries: [(at: Int64, number: UInt16)] = []
            for step in 0..<Int64(2000) where !random.chance(loss) {
                let late = random.chance(0.2) ? Int64.random(in: 0...80_000_000, using: &random) : 0
                let at = 1_000_000_000 + step * 2_000_000 + late
                deliveries.append((at, first &+ UInt16(step)))
                if random.chance(0.02) { deliveries.append((at + 3_000_000, first &+ UInt16(step))) }
            }
            deliveries.sort { $0.at < $1.at }
            var expected: [UInt16: Int64] = [:]
            var look: Int64 = 1_000_000_000
            for delivery in deliveries {
                while look < delivery.at {
                    try told.take(from: &log)
                    look += Int64.random(in: 20_000_000...70_000_000, using: &random)
                }
                log.note(delivery.number, arrival: Instant(nanoseconds: delivery.at))
                if expected[delivery.number] == nil { expected[delivery.number] = delivery.at }
            }
            try told.take(from: &log)
            try #require(Set(told.arrivals.keys) == Set(expected.keys), "seed \(seed)")
            let isRight = expected.allSatisfy { number, at in
                told.arrivals[number]?.allSatisfy { abs($0 - at) <= 125_000 } == true
            }
            try #require(isRight, "seed \(seed)")
            try #require(told.missing.isDisjoint(with: expected.keys), "seed \(seed)")
        }
    }
}
