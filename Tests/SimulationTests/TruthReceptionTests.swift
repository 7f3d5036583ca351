import SigmaCore
import SigmaEngine
import SigmaTestKit
import SigmaWire
import Testing

/// What RFC 3550 A.3 and A.8 define, computed from true indices and wide integers.
private struct ReceiverModel {
    var clockRate: Int128 = 90_000
    var lastSR: (middle: UInt32, at: Int64)?
    private var base = 0
    private var highest = -1
    private var received = 0
    private var before = (expected: 0, received: 0)
    private var jitter: Int128 = 0
    private var transit: Int128?
    private var hasNews = false

    /// - Parameter timestamp: Continued over its wraps.
    mutating func arrive(_ index: Int, timestamp: Int, at: Int64) {
        // What SRTP's window of 1024 refuses was never received.
        guard highest < 0 || index > highest - 1024 else { return }
        hasNews = true
        if highest < 0 || index - highest >= 3000 {
            (base, highest, received, before, transit) = (index, index, 0, (0, 0), nil)
        }
        highest = max(highest, index)
        if index >= base { received += 1 }
        let now = Int128(at) * clockRate / 1_000_000_000 - Int128(timestamp)
        if let transit { jitter += abs(now - transit) - (jitter + 8) / 16 }
        transit = now
    }

    mutating func report(_ ssrc: UInt32, at: Int64) -> ReportBlock? {
        guard hasNews else { return nil }
        hasNews = false
        let expected = highest - base + 1
        let new = (expected: expected - before.expected, received: received - before.received)
        before = (expected, received)
        let lost = new.expected - new.received
        return ReportBlock(
            ssrc: SSRC(rawValue: ssrc),
            fractionLost: new.expected > 0 && lost > 0 ? UInt8(min(255, lost * 256 / new.expected)) : 0,
            cumulativeLost: Int32(expected - received), highestSequenceNumber: UInt32(highest),
            jitter: UInt32(jitter / 16), lastSR: lastSR?.middle ?? 0,
            delaySinceLastSR: lastSR.map { UInt32(Int128(at - $0.at) * 65536 / 1_000_000_000) } ?? 0)
    }
}

@Suite("Truth: what a publisher is told (RFC 3550 §6.4, A.1, A.3, A.8)")
struct TruthReceptionTests {
    private static let video: UInt32 = 0x7102

    private struct Arrival {
        let at: Int64
        let datagram: [UInt8]
        let index: Int
        /// Continued over the wrap.
        let timestamp: Int
    }

    /// 2400 packets, 4 ms apart, over a link that loses, reorders and repeats, with two jumps.
    private func arrivals(_ rig: TruthRig, _ publisher: TruthRig.Member, seed: UInt64) -> [Arrival] {
        var random = SplitMix64(seed: seed)
        var arrivals: [Arrival] = []
        var index = 65_300
        for number in 0..<2400 {
            index += number == 900 ? 3_000 : number == 1700 ? 21_000 : 1
            let timestamp = 4_294_900_000 + number / 8 * 3_000
            let packet = RTPFixture(
                payloadType: 102, sequenceNumber: UInt16(truncatingIfNeeded: index),
                timestamp: UInt32(truncatingIfNeeded: timestamp),
                ssrc: Self.video, payload: Picture.other(1))
            let datagram = rig.protect(packet.octets, by: publisher)
            let sent = rig.now + 10_000_000 + Int64(number) * 4_000_000
            for _ in 0..<(random.chance(0.03) ? 2 : 1) where !random.chance(0.06) {
                let delay = Int64.random(in: 0...35_000_000, using: &random)
                arrivals.append(
                    Arrival(at: sent + delay, datagram: datagram, index: index, timestamp: timestamp))
            }
        }
        return arrivals.sorted { $0.at < $1.at }
    }

    @Test(arguments: UInt64(1)...8)
    func `every report is what an independent computation says, over loss, reordering, wraps and jumps`(
        seed: UInt64
    ) throws {
        let rig = try TruthRig()
        let publisher = try rig.join(
            .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: Self.video)])
        var model = ReceiverModel()
        var seen: Set<Int> = []
        var read = 0
        var compared = 0
        var nextReport = rig.now + 700_000_000
        func compare() {
            for datagram in publisher.rtcp[read...] where datagram.types.first == 201 {
                // Requests for keyframes come with an empty report.
                guard datagram.pictureLosses == 0 else { continue }
                let expected = model.report(Self.video, at: datagram.at)
                #expect(datagram.reportBlocks.first == expected)
                compared += 1
            }
            read = publisher.rtcp.count
        }
        for arrival in arrivals(rig, publisher, seed: seed) {
            while rig.now < arrival.at {
                rig.run(for: min(arrival.at - rig.now, 5_000_000))
                compare()
            }
            if rig.now >= nextReport {
                nextReport += 1_100_000_000
                let ntp = NTPTimestamp(unixNanoseconds: 1_600_000_000_000_000_000 + rig.now)
                model.lastSR = (ntp.middle, rig.now)
                rig.sendRTCP(
                    RTCPFixture.senderReport(
                        Self.video, ntp: ntp.rawValue, rtp: UInt32(truncatingIfNeeded: arrival.timestamp)),
                    from: publisher)
                compare()
            }
            if seen.insert(arrival.index).inserted {
                model.arrive(arrival.index, timestamp: arrival.timestamp, at: rig.now)
            }
            rig.deliver(arrival.datagram, from: publisher)
            compare()
        }
        #expect(compared >= 7)
        #expect(rig.counters.srtpReplayed > 20)
    }

    private func feed(
        _ rig: TruthRig, _ publisher: TruthRig.Member, _ numbers: some Sequence<Int>,
        extensions: [(id: UInt8, value: [UInt8])] = []
    ) {
        for number in numbers {
            rig.send(
                RTPFixture(
                    payloadType: 102, sequenceNumber: UInt16(truncatingIfNeeded: number),
                    timestamp: UInt32(number) * 3000, ssrc: Self.video, payload: Picture.other(1),
                    extensions: extensions), from: publisher)
        }
    }

    @Test func `one in four lost is a fraction of 64, the cycles stand above the number (§6.4.1)`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(
            .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: Self.video)])
        feed(rig, publisher, (65_500...65_755).filter { $0 % 4 != 1 })
        rig.run(for: 1_600_000_000)
        let block = try #require(publisher.rtcp.flatMap(\.reportBlocks).first)
        #expect(block.fractionLost == 64)
        #expect(block.cumulativeLost == 64)
        #expect(block.highestSequenceNumber == 65_755)
        #expect(block.lastSR == 0 && block.delaySinceLastSR == 0)
    }

    @Test func `LSR and DLSR tell a sender its round trip to 15 µs (§6.4.1)`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(
            .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: Self.video)])
        feed(rig, publisher, 1...9)
        rig.now += 123_456_789
        let cameAt = rig.now
        rig.sendRTCP(
            RTCPFixture.senderReport(Self.video, ntp: 0xE900_1234_5678_9ABC, rtp: 27_000), from: publisher)
        rig.run(for: 1_600_000_000)
        let report = try #require(publisher.rtcp.first { !$0.reportBlocks.isEmpty && $0.at > cameAt })
        let block = try #require(report.reportBlocks.first)
        #expect(block.lastSR == 0x1234_5678)
        #expect(block.delaySinceLastSR == UInt32((report.at - cameAt) * 65_536 / 1_000_000_000))
    }

    @Test func `a sender without a wall clock says 0, and gets 0 back (§6.4.1)`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(
            .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: Self.video)])
        feed(rig, publisher, 1...9)
        rig.sendRTCP(RTCPFixture.senderReport(Self.video, ntp: 0, rtp: 27_000), from: publisher)
        rig.run(for: 1_600_000_000)
        let block = try #require(publisher.rtcp.flatMap(\.reportBlocks).first)
        #expect(block.lastSR == 0 && block.delaySinceLastSR == 0)
    }

    @Test func `reports are compound with a CNAME, 0.5 to 1.5 s apart, without silent sources (§6.1, §6.4)`()
        throws
    {
        let rig = try TruthRig()
        let publisher = try rig.join(
            .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: Self.video, feedback: [])],
            cname: "one name")
        for round in 0..<100 {
            feed(rig, publisher, [round])
            rig.run(for: 100_000_000)
        }
        rig.run(for: 1_500_000_000)
        let busy = publisher.rtcp.count
        rig.run(for: 10_000_000_000)
        #expect((7...20).contains(busy))
        #expect(publisher.rtcp.count >= busy + 7)
        for report in publisher.rtcp {
            #expect(report.types == [201, 202])
            #expect(report.cname?.text == "one name")
            #expect(report.cname?.ssrc == report.sender)
            #expect(report.sender == publisher.rtcp[0].sender)
        }
        for (earlier, later) in zip(publisher.rtcp, publisher.rtcp.dropFirst()) {
            #expect((500_000_000...1_525_000_000).contains(later.at - earlier.at))
        }
        #expect(publisher.rtcp[busy...].flatMap(\.reportBlocks).isEmpty)
    }

    @Test func `the first packets of an unannounced source are not swallowed by a probation (A.1)`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, [TruthRig.line(.audio, mid: "a", payloadType: 111)])
        let viewer = try rig.join(.viewer, [TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5)])
        for (number, sequence) in [500, 9_000, 9_001, 40_000, 40_001].enumerated() {
            rig.send(
                RTPFixture(
                    payloadType: 111, sequenceNumber: UInt16(sequence), timestamp: UInt32(number) * 960,
                    ssrc: 77, payload: [0xFC, UInt8(number)]), from: publisher)
        }
        #expect(viewer.rtp.map(\.payload) == (0..<5).map { [0xFC, UInt8($0)] })
        // Behind a jump it goes on without a gap.
        let first = try #require(viewer.rtp.first).sequenceNumber
        #expect(viewer.rtp.map { $0.sequenceNumber &- first } == [0, 1, 2, 3, 4])
    }

    @Test func `a burst that comes hundreds of packets late is late, no restart`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(
            .publisher, [TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: 77)])
        let viewer = try rig.join(.viewer, [TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5)])
        let datagrams = (0..<1000).map { number in
            rig.protect(
                RTPFixture(
                    payloadType: 111, sequenceNumber: 65_000 &+ UInt16(number),
                    timestamp: UInt32(number) * 48,
                    ssrc: 77, payload: [0xFC, 1]
                ).octets, by: publisher)
        }
        for place in Array(0..<300) + Array(700..<1000) + Array(300..<700) {
            rig.deliver(datagrams[place], from: publisher)
        }
        #expect(viewer.rtp.count == 1000)
        #expect(Set(viewer.rtp.map(\.sequenceNumber)).count == 1000)
        let first = try #require(viewer.rtp.first)
        for packet in viewer.rtp {
            let place = UInt32(packet.sequenceNumber &- first.sequenceNumber)
            #expect(packet.timestamp &- first.timestamp == place * 48)
        }
        rig.run(for: 1_600_000_000)
        #expect(try #require(publisher.rtcp.flatMap(\.reportBlocks).first).cumulativeLost == 0)
    }
}
