import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: endings and requests (RFC 3550 §6.6, RFC 7675 §5.1, RFC 5104 §4.3.1, RFC 8489 §6.3)")
struct TruthFarewellTests {
    private struct Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        let viewer: TruthRig.Member

        init(feedback: MediaLineRecord.Feedback = [.nackPLI, .ccmFIR]) throws {
            rig = try TruthRig()
            publisher = try rig.join(
                .publisher,
                [
                    TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: 70),
                    TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71, feedback: feedback),
                ])
            viewer = try rig.join(
                .viewer,
                [
                    TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5),
                    TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6),
                ])
        }

        func send(_ number: UInt16) {
            rig.send(
                RTPFixture(
                    payloadType: 111, sequenceNumber: number, timestamp: UInt32(number) * 960, ssrc: 70,
                    payload: [0xFC, 1]), from: publisher)
            let keyframe =
                [0x78, 0, 25] + Picture.sps + [0, 5] + Picture.pps + [0, 3, 0x65, 1, 2]
            rig.send(
                RTPFixture(
                    payloadType: 102, sequenceNumber: number, timestamp: UInt32(number) * 3000, ssrc: 71,
                    payload: keyframe), from: publisher)
        }
    }

    @Test func `a viewer hears BYE for what it was sent when its session ends, then close_notify`() throws {
        let broadcast = try Broadcast()
        broadcast.send(1)
        #expect(broadcast.viewer.rtp.count == 2)
        try broadcast.rig.close(broadcast.viewer)
        let last = try #require(broadcast.viewer.rtcp.last)
        #expect(last.types == [201, 202, 203, 203])
        #expect(last.leaving == [5, 6])
        #expect(last.cname?.ssrc == 5)
        #expect(broadcast.viewer.isClosed)
    }

    @Test func `a publisher hears BYE for our reports when its session ends, its viewers hear nothing`()
        throws
    {
        let broadcast = try Broadcast()
        broadcast.send(1)
        broadcast.rig.run(for: 1_600_000_000)
        let reporter = try #require(broadcast.publisher.rtcp.last).sender
        let heard = broadcast.viewer.rtcp.count
        try broadcast.rig.close(broadcast.publisher)
        #expect(broadcast.publisher.rtcp.last?.leaving == [reporter])
        #expect(broadcast.publisher.isClosed)
        broadcast.rig.run(for: 3_000_000_000)
        #expect(broadcast.viewer.rtcp[heard...].allSatisfy { $0.leaving.isEmpty })
        #expect(!broadcast.viewer.isClosed)
        #expect(broadcast.rig.isOpen(broadcast.viewer))
    }

    @Test func `BYE with a reason ends the source, and its next packet begins it again (RFC 3550 §6.6)`()
        throws
    {
        let broadcast = try Broadcast()
        broadcast.send(1)
        broadcast.rig.sendRTCP(RTCPFixture.bye([70, 71], reason: "muted"), from: broadcast.publisher)
        broadcast.rig.run(for: 4_000_000_000)
        #expect(broadcast.rig.isOpen(broadcast.publisher))
        broadcast.send(2)
        #expect(broadcast.viewer.rtp.count == 4)
        broadcast.rig.run(for: 6_000_000_000)
        #expect(broadcast.rig.isOpen(broadcast.publisher))
        broadcast.rig.sendRTCP(RTCPFixture.bye([70, 71]), from: broadcast.publisher)
        broadcast.rig.run(for: 100_000_000)
        #expect(!broadcast.rig.isOpen(broadcast.publisher))
        #expect(broadcast.viewer.rtcp.allSatisfy { $0.leaving.isEmpty })
    }

    @Test(arguments: [Int64(1), 12])
    func `when consent has expired not one octet is sent, close_notify included (RFC 7675 §5.1)`(
        secondsOfLife: Int64
    ) throws {
        let broadcast = try Broadcast()
        broadcast.send(1)
        // With the DTLS connection still there, and without.
        broadcast.rig.run(for: secondsOfLife * 1_000_000_000)
        broadcast.rig.silent = [broadcast.viewer.sessionID]
        for number in 2..<340 as Range<UInt16> where broadcast.rig.isOpen(broadcast.viewer) {
            broadcast.send(number)
            broadcast.rig.run(for: 100_000_000)
        }
        #expect(!broadcast.rig.isOpen(broadcast.viewer))
        let sent = broadcast.viewer.datagrams
        #expect(broadcast.viewer.rtp.count > 500)
        #expect(broadcast.viewer.rtcp.allSatisfy { $0.leaving.isEmpty })
        #expect(!broadcast.viewer.isClosed)
        broadcast.rig.run(for: 12_000_000_000)
        #expect(broadcast.viewer.datagrams == sent)
    }

    @Test func `a FIR repeated keeps its number, the next command has the next (RFC 5104 §4.3.1.1)`() throws {
        let broadcast = try Broadcast(feedback: [.ccmFIR])
        broadcast.rig.run(for: 1_200_000_000)
        let first = broadcast.publisher.rtcp.flatMap(\.intraRequests)
        #expect(first.count == 3)
        #expect(first.allSatisfy { $0.ssrc.rawValue == 71 && $0.sequenceNumber == first[0].sequenceNumber })
        broadcast.send(1)
        broadcast.rig.run(for: 600_000_000)
        broadcast.rig.sendRTCP(RTCPFixture.pictureLoss(6), from: broadcast.viewer)
        broadcast.rig.run(for: 100_000_000)
        let second = broadcast.publisher.rtcp.flatMap(\.intraRequests).dropFirst(3)
        #expect(second.map(\.sequenceNumber) == [first[0].sequenceNumber &+ 1])
        for report in broadcast.publisher.rtcp where !report.intraRequests.isEmpty {
            #expect(report.types == [201, 202, 206])
        }
    }

    @Test func `a viewer's FIR is heard once for each number and stream (RFC 5104 §4.3.1.1)`() throws {
        let broadcast = try Broadcast()
        func heard() -> UInt64 { broadcast.rig.counters.keyframeRequestsReceived }
        for (entries, count) in [
            ([(6, 1)], 1), ([(6, 1)], 1), ([(6, 1), (5, 9)], 2), ([(6, 1), (5, 9)], 2), ([(6, 2)], 3),
            ([(99, 3)], 3),
        ] as [([(ssrc: UInt32, number: UInt8)], UInt64)] {
            broadcast.rig.sendRTCP(RTCPFixture.intraRequest(entries), from: broadcast.viewer)
            #expect(heard() == count)
        }
    }

    @Test func `truncated RTCP is dropped whole, what is unknown is left out (RFC 3550 §6.1, A.2)`() throws {
        let broadcast = try Broadcast()
        broadcast.send(1)
        let report = RTCPFixture.senderReport(70, ntp: 0xE900_0001_0000_0000, rtp: 960)
        let request = RTCPFixture.pictureLoss(6)
        let broken: [[UInt8]] = [
            report + [0x80, 203, 0, 1], report + [0x81, 203, 0, 0], report + [0x82, 201, 0, 1, 0, 0, 0, 1],
            report + [0x40, 203, 0, 0], report + [0xA0, 203, 0, 1, 0, 0, 0, 9],
            [0xA0] + report.dropFirst() + request,
            report + [0x84, 206, 0, 3] + [UInt8](repeating: 0, count: 12),
            Array(report.dropLast(4)), report + [0],
        ]
        for bytes in broken { broadcast.rig.sendRTCP(bytes, from: broadcast.publisher) }
        #expect(broadcast.rig.counters.rtcpMalformed == UInt64(broken.count))
        #expect(broadcast.rig.counters.rtcpReceived == 0)
        broadcast.rig.run(for: 1_600_000_000)
        #expect(broadcast.publisher.rtcp.flatMap(\.reportBlocks).allSatisfy { $0.lastSR == 0 })

        // APP, XR, REMB, a format and a type that nobody knows: the report between them is heard.
        let unknown: [UInt8] =
            [0x80, 204, 0, 2, 0, 0, 0, 70] + Array("test".utf8) + [0x80, 207, 0, 1, 0, 0, 0, 70]
        let tail: [UInt8] = [0x9E, 206, 0, 2, 0, 0, 0, 70, 0, 0, 0, 0, 0x80, 213, 0, 1, 1, 2, 3, 4]
        broadcast.rig.sendRTCP(unknown + report + tail, from: broadcast.publisher)
        #expect(broadcast.rig.counters.rtcpReceived == 1)
        #expect(broadcast.rig.counters.rtcpUnknown == 1)
        broadcast.send(2)
        broadcast.rig.run(for: 1_600_000_000)
        #expect(broadcast.publisher.rtcp.flatMap(\.reportBlocks).contains { $0.lastSR == 0x0001_0000 })
    }

    @Test func `a check without FINGERPRINT is not answered (RFC 8489 §6.3)`() throws {
        let broadcast = try Broadcast()
        let sent = broadcast.viewer.datagrams
        let ignored = broadcast.rig.counters.stunIgnored
        broadcast.rig.check(broadcast.viewer, hasFingerprint: false)
        #expect(broadcast.viewer.datagrams == sent)
        #expect(broadcast.rig.counters.stunIgnored == ignored + 1)
        broadcast.rig.check(broadcast.viewer)
        #expect(broadcast.viewer.datagrams == sent + 1)
    }
}
