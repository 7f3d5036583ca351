import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: what a viewer has lost is sent again (RFC 4585 §6.2.1, RFC 4588)")
struct TruthRetransmissionTests {
    /// A publisher of pictures, and viewers of two kinds.
    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        private var number: UInt16 = 65_500
        private var timestamp: UInt32 = 4_294_900_000
        private var tag: UInt8 = 0

        init() throws {
            rig = try TruthRig()
            publisher = try rig.join(
                .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71)])
        }

        func viewer(
            hasRTX: Bool = false, rtxTime: UInt16 = 0, feedback: MediaLineRecord.Feedback = [.nack, .nackPLI]
        ) throws
            -> TruthRig.Member
        {
            var line = TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6, feedback: feedback)
            if hasRTX {
                line.rtxPayloadType = 98
                line.rtxSSRC = 7
                line.rtxTime = rtxTime
            }
            return try rig.join(.viewer, [line])
        }

        func keyframe() { picture([Picture.sps, Picture.pps, Picture.idr(200), Picture.idrEnd(200)]) }

        /// Pictures of two packets, one in 10 ms.
        func pictures(_ count: Int, _ make: (UInt8) -> [UInt8] = Picture.other) {
            for _ in 0..<count {
                picture([make(tag), make(tag)])
                tag = (tag + 1) % 200
            }
        }

        func picture(_ payloads: [[UInt8]], carrying extensions: [(id: UInt8, value: [UInt8])] = []) {
            for (place, payload) in payloads.enumerated() {
                rig.send(
                    RTPFixture(
                        payloadType: 102, sequenceNumber: number, timestamp: timestamp, ssrc: 71,
                        payload: payload, marker: place == payloads.count - 1, extensions: extensions),
                    from: publisher)
                number &+= 1
            }
            timestamp &+= 900
            rig.run(for: 10_000_000)
        }

        func ask(_ numbers: [UInt16], _ viewer: TruthRig.Member) {
            rig.sendRTCP(RTCPFixture.nack(6, numbers), from: viewer)
        }
    }

    private func media(_ viewer: TruthRig.Member) -> [ReceivedRTP] { viewer.rtp.filter { $0.ssrc == 6 } }

    @Test func `octet for octet as it was, without RTX (RFC 3711 §9.1)`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        broadcast.pictures(40)
        let before = viewer.sealed
        broadcast.ask(media(viewer)[3..<20].map(\.sequenceNumber), viewer)
        #expect(Array(viewer.sealed.dropFirst(before.count)) == Array(before[3..<20]))
        #expect(broadcast.rig.counters.packetsResent == 17)
        #expect(broadcast.rig.counters.nacksReceived == 1)
    }

    @Test func `in a stream of its own with RTX, the number it had in front (RFC 4588 §4)`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer(hasRTX: true)
        broadcast.keyframe()
        broadcast.pictures(40)
        let originals = media(viewer)
        broadcast.ask(originals[3..<20].map(\.sequenceNumber), viewer)
        broadcast.rig.run(for: 50_000_000)
        broadcast.ask(originals[3..<20].map(\.sequenceNumber), viewer)
        let repairs = viewer.rtp.filter { $0.ssrc == 7 }
        #expect(repairs.count == 34)
        #expect(media(viewer).count == originals.count)
        for (place, repair) in repairs.enumerated() {
            let original = originals[3 + place % 17]
            #expect(repair.payloadType == 98)
            #expect(repair.timestamp == original.timestamp)
            let number = original.sequenceNumber
            #expect(repair.payload == [UInt8(number >> 8), UInt8(number & 255)] + original.payload)
            #expect(repair.index == repairs[0].index + UInt64(place))
        }
        #expect(viewer.undecryptable == 0)
    }

    @Test func `through all that has been left out of its numbers`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        // The server falls behind, and leaves pictures out that no other needs.
        for _ in 0..<3 {
            broadcast.pictures(5)
            broadcast.rig.isStalled = true
            broadcast.pictures(12, Picture.disposable)
            broadcast.rig.isStalled = false
            broadcast.rig.settle()
        }
        #expect(broadcast.rig.counters.framesDropped > 0)
        let packets = media(viewer)
        let before = viewer.sealed
        broadcast.ask(packets.map(\.sequenceNumber), viewer)
        #expect(Array(viewer.sealed.dropFirst(before.count)) == before)
    }

    @Test func `of the past and of live pictures, each under the timestamp it had`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(100)
        let joiner = try broadcast.viewer()
        broadcast.pictures(90)
        let packets = media(joiner)
        #expect(packets.count == 4 + 190 * 2)
        let before = joiner.sealed
        broadcast.ask(packets.suffix(250).map(\.sequenceNumber), joiner)
        #expect(Array(joiner.sealed.dropFirst(before.count)) == Array(before.suffix(250)))
    }

    @Test func `of live pictures at any time after the past was made up for`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(30)
        let joiner = try broadcast.viewer(hasRTX: true)
        broadcast.pictures(60)
        // Until the replay is forgotten, and further. Each is asked for a picture later, as any viewer does.
        for _ in 0..<1100 {
            let newest = joiner.rtp.suffix(10).filter { $0.ssrc == 6 }.suffix(2).map(\.sequenceNumber)
            broadcast.pictures(1)
            let before = broadcast.rig.counters.packetsResent
            broadcast.ask(newest, joiner)
            #expect(broadcast.rig.counters.packetsResent == before + 2)
        }
        #expect(joiner.undecryptable == 0)
    }

    @Test func `of a past that was left for a newer keyframe nothing comes under another timestamp`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(400)
        let joiner = try broadcast.viewer()
        broadcast.pictures(20)
        broadcast.keyframe()
        broadcast.pictures(20)
        let before = joiner.sealed
        #expect(before.count > 4 + 44)
        broadcast.ask(media(joiner).map(\.sequenceNumber), joiner)
        let again = joiner.sealed.dropFirst(before.count)
        #expect(again.count >= 44)
        #expect(Set(again).isSubset(of: before))
    }

    @Test func `a storm of requests costs no more than the stream`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        for _ in 0..<200 {
            broadcast.pictures(1)
            for _ in 0..<3 { broadcast.ask(media(viewer).suffix(100).map(\.sequenceNumber), viewer) }
        }
        let sent = Set(media(viewer).map(\.index)).count
        #expect(broadcast.rig.counters.packetsResent <= UInt64(sent) + 256)
        #expect(broadcast.rig.counters.retransmissionsRefused > 1_000)
    }

    @Test func `what is asked for is looked up 4096 times a second at most`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        broadcast.pictures(100)
        let known = media(viewer).map(\.sequenceNumber)
        // Numbers that were never used, as many as a datagram holds.
        for _ in 0..<60 { broadcast.ask((0..<100).map { known[0] &- 20_000 &+ $0 }, viewer) }
        #expect(broadcast.rig.counters.retransmissionsRefused == 60 - 40)
        broadcast.ask(Array(known.suffix(20)), viewer)
        #expect(broadcast.rig.counters.packetsResent == 0)
        broadcast.rig.run(for: 1_000_000_000)
        broadcast.ask(Array(known.suffix(20)), viewer)
        #expect(broadcast.rig.counters.packetsResent == 20)
    }

    @Test func `ten times at most, and not again while one is under way`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        broadcast.pictures(100)
        let number = media(viewer)[10].sequenceNumber
        broadcast.ask([number, number, number], viewer)
        #expect(broadcast.rig.counters.packetsResent == 1)
        for _ in 0..<20 {
            broadcast.rig.run(for: 20_000_000)
            broadcast.ask([number], viewer)
        }
        #expect(broadcast.rig.counters.packetsResent == 10)
    }

    @Test func `nothing that was never sent, is overwritten, or was not negotiated`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        let deaf = try broadcast.viewer(feedback: [.nackPLI])
        broadcast.keyframe()
        broadcast.pictures(5)
        let last = try #require(media(viewer).last).sequenceNumber
        let first = try #require(media(viewer).first).sequenceNumber
        broadcast.ask([last &+ 1, last &+ 1000, first &- 1, first &+ 32_768], viewer)
        broadcast.ask(media(deaf).map(\.sequenceNumber), deaf)
        broadcast.rig.sendRTCP(RTCPFixture.nack(99, [first]), from: viewer)
        #expect(broadcast.rig.counters.packetsResent == 0)
        broadcast.keyframe()
        broadcast.pictures(300)
        broadcast.ask([first], viewer)
        #expect(broadcast.rig.counters.packetsResent == 0)
    }

    @Test func `no longer than the viewer waits, if it says so (RFC 4588 §8.1)`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer(hasRTX: true, rtxTime: 200)
        broadcast.keyframe()
        broadcast.pictures(100)
        broadcast.ask(media(viewer).suffix(80).map(\.sequenceNumber), viewer)
        // Two packets in 10 ms.
        #expect((38...42).contains(broadcast.rig.counters.packetsResent))
    }

    @Test func `with the extensions it had (RFC 8285)`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        broadcast.picture([Picture.other(1), Picture.other(2), Picture.other(3) + [1, 2, 3]])
        let before = viewer.sealed
        broadcast.ask(media(viewer).map(\.sequenceNumber), viewer)
        #expect(Array(viewer.sealed.dropFirst(before.count)) == before)
    }
}
