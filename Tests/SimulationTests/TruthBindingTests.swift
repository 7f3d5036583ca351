import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: which stream a packet is of (RFC 9143 §9.2, RFC 8852, RFC 3550 §8.2)")
struct TruthBindingTests {
    private func packet(
        _ payloadType: UInt8, _ number: UInt16, ssrc: UInt32, _ payload: [UInt8], mid: String? = nil,
        rid: String? = nil
    ) -> RTPFixture {
        var extensions: [(id: UInt8, value: [UInt8])] = []
        if let mid { extensions.append((TruthRig.midExtensionID, Array(mid.utf8))) }
        if let rid { extensions.append((TruthRig.ridExtensionID, Array(rid.utf8))) }
        return RTPFixture(
            payloadType: payloadType, sequenceNumber: number, timestamp: UInt32(number) * 960, ssrc: ssrc,
            payload: payload, extensions: extensions)
    }

    /// Octets that the viewer got on each of its two streams, audio 5 and video 6.
    private func tags(_ viewer: TruthRig.Member, ssrc: UInt32) -> [UInt8] {
        viewer.rtp.filter { $0.ssrc == ssrc }.compactMap(\.payload.last)
    }

    private func audience(_ rig: TruthRig, room: UInt64 = 1) throws -> TruthRig.Member {
        try rig.join(
            .viewer, room: room,
            [
                TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5),
                TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6),
            ])
    }

    private func lines(audio: UInt32 = 0, video: UInt32 = 0) -> [MediaLineRecord] {
        [
            TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: audio),
            TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: video),
        ]
    }

    private func sendKeyframe(
        _ rig: TruthRig, _ publisher: TruthRig.Member, ssrc: UInt32, from number: UInt16 = 1, tag: UInt8,
        mid: String? = nil, rid: String? = nil
    ) {
        for (place, payload) in [Picture.sps, Picture.pps, Picture.idr(tag)].enumerated() {
            var fixture = packet(102, number + UInt16(place), ssrc: ssrc, payload, mid: mid, rid: rid)
            fixture.timestamp = UInt32(number) * 3000
            rig.send(fixture, from: publisher)
        }
    }

    @Test func `without announced SSRCs MID tells the m-section, and carries on alone (RFC 9143 §9.2)`()
        throws
    {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, lines())
        let viewer = try audience(rig)
        rig.send(packet(111, 1, ssrc: 70, [0xFC, 1], mid: "a"), from: publisher)
        rig.send(packet(111, 2, ssrc: 70, [0xFC, 2]), from: publisher)
        sendKeyframe(rig, publisher, ssrc: 71, tag: 3, mid: "v")
        #expect(tags(viewer, ssrc: 5) == [1, 2])
        #expect(tags(viewer, ssrc: 6).last == 3)
        // An MID and a payload type that contradict each other are of no m-section.
        let unbound = rig.counters.rtpUnbound
        rig.send(packet(111, 1, ssrc: 72, [0xFC, 9], mid: "v"), from: publisher)
        #expect(rig.counters.rtpUnbound == unbound + 1)
        #expect(tags(viewer, ssrc: 5) == [1, 2])
    }

    @Test func `of the layers that RIDs tell apart one is forwarded, as long as it lives (RFC 8852)`() throws
    {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, lines())
        let viewer = try audience(rig)
        sendKeyframe(rig, publisher, ssrc: 71, tag: 1, mid: "v", rid: "hi")
        for number in 4..<30 as Range<UInt16> {
            sendKeyframe(rig, publisher, ssrc: 72, from: number * 3, tag: 2, mid: "v", rid: "lo")
            rig.send(packet(102, number, ssrc: 71, Picture.other(1)), from: publisher)
            rig.run(for: 30_000_000)
        }
        #expect(tags(viewer, ssrc: 6).filter { $0 == 2 }.isEmpty)
        #expect(tags(viewer, ssrc: 6).filter { $0 == 1 }.count == 27)
        rig.run(for: 500_000_000)
        sendKeyframe(rig, publisher, ssrc: 72, from: 100, tag: 3, mid: "v", rid: "lo")
        #expect(tags(viewer, ssrc: 6).last == 3)
    }

    @Test func `the same SSRC in two rooms is two sources`() throws {
        let rig = try TruthRig()
        let publishers = [
            try rig.join(.publisher, room: 1, lines(audio: 70)),
            try rig.join(.publisher, room: 2, lines(audio: 70)),
        ]
        let viewers = [try audience(rig, room: 1), try audience(rig, room: 2)]
        for number in 1...20 as ClosedRange<UInt16> {
            for (place, publisher) in publishers.enumerated() {
                rig.send(
                    packet(111, number &+ UInt16(place) * 60_000, ssrc: 70, [0xFC, UInt8(place)]),
                    from: publisher)
            }
        }
        #expect(tags(viewers[0], ssrc: 5) == [UInt8](repeating: 0, count: 20))
        #expect(tags(viewers[1], ssrc: 5) == [UInt8](repeating: 1, count: 20))
    }

    @Test func `an SSRC announced for two m-sections announces nothing`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, lines(audio: 70, video: 70))
        let viewer = try audience(rig)
        rig.send(packet(111, 1, ssrc: 70, [0xFC, 1]), from: publisher)
        sendKeyframe(rig, publisher, ssrc: 71, tag: 2)
        #expect(tags(viewer, ssrc: 5) == [1])
        #expect(tags(viewer, ssrc: 6).last == 2)
        // One source cannot be both.
        rig.send(packet(102, 5, ssrc: 70, Picture.other(9)), from: publisher)
        #expect(rig.counters.rtpUnbound == 1)
    }

    @Test func `SSRCs announced for each other's m-section are put right by the packets`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, lines(audio: 71, video: 70))
        let viewer = try audience(rig)
        rig.send(packet(111, 1, ssrc: 70, [0xFC, 1]), from: publisher)
        sendKeyframe(rig, publisher, ssrc: 71, tag: 2)
        rig.send(packet(111, 2, ssrc: 70, [0xFC, 3]), from: publisher)
        #expect(tags(viewer, ssrc: 5) == [1, 3])
        #expect(tags(viewer, ssrc: 6).last == 2)
    }

    @Test func `a stray source that comes first gives way to the announced one at once`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, lines(video: 71))
        let viewer = try audience(rig)
        rig.send(packet(102, 9, ssrc: 99, Picture.other(8)), from: publisher)
        sendKeyframe(rig, publisher, ssrc: 71, tag: 2)
        rig.send(packet(102, 10, ssrc: 99, Picture.other(8)), from: publisher)
        #expect(tags(viewer, ssrc: 6).suffix(1) == [2])
        #expect(viewer.rtp.count == 3)
    }

    @Test func `our reports leave an SSRC that the publisher takes (RFC 3550 §8.2)`() throws {
        let rig = try TruthRig()
        let publisher = try rig.join(.publisher, lines())
        rig.run(for: 1_600_000_000)
        let ours = try #require(publisher.rtcp.first).sender
        rig.send(packet(111, 1, ssrc: ours, [0xFC, 1]), from: publisher)
        let before = publisher.rtcp.count
        rig.run(for: 1_600_000_000)
        #expect(publisher.rtcp.count > before)
        #expect(publisher.rtcp[before...].allSatisfy { $0.sender != ours && $0.cname?.ssrc != ours })
        #expect(publisher.rtcp[before...].contains { $0.reportBlocks.first?.ssrc.rawValue == ours })
    }
}
