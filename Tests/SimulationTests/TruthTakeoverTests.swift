import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: a publisher takes over the room of another, and the viewers stay")
struct TruthTakeoverTests {
    /// 30 pictures and 50 packets of sound a second of one publisher; its clocks stand where they want.
    private final class Source {
        let rig: TruthRig
        let member: TruthRig.Member
        private var number: UInt16
        private var audioNumber: UInt16
        private var timestamp: UInt32
        private var audioTimestamp: UInt32
        private let ssrc: UInt32

        init(_ rig: TruthRig, seed: UInt32, takesOver: Bool = false) throws {
            self.rig = rig
            ssrc = 1000 + seed
            number = UInt16(truncatingIfNeeded: 65_530 &+ seed &* 7_919)
            audioNumber = UInt16(truncatingIfNeeded: 20_000 &+ seed &* 104_729)
            timestamp = seed &* 2_654_435_761
            audioTimestamp = seed &* 3_266_489_917
            member = try rig.join(
                .publisher,
                [
                    TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: ssrc),
                    TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: ssrc + 1),
                ], takesOver: takesOver)
        }

        func keyframe() { send([Picture.sps, Picture.pps, Picture.idr(200), Picture.idrEnd(200)]) }

        func pictures(_ count: Int) {
            for _ in 0..<count { send([Picture.other(7), Picture.other(7)]) }
        }

        /// Sound that is sampled at the same moment as the picture.
        private func send(_ payloads: [[UInt8]]) {
            for (place, payload) in payloads.enumerated() {
                rig.send(
                    RTPFixture(
                        payloadType: 102, sequenceNumber: number, timestamp: timestamp, ssrc: ssrc + 1,
                        payload: payload, marker: place == payloads.count - 1), from: member)
                number &+= 1
            }
            timestamp &+= 3000
            for _ in 0..<2 {
                rig.send(
                    RTPFixture(
                        payloadType: 111, sequenceNumber: audioNumber, timestamp: audioTimestamp, ssrc: ssrc,
                        payload: [1]), from: member)
                audioNumber &+= 1
                audioTimestamp &+= 800
                rig.run(for: 16_666_667)
            }
        }
    }

    private func viewer(_ rig: TruthRig) throws -> TruthRig.Member {
        try rig.join(
            .viewer,
            [
                TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5),
                TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6, feedback: [.nack, .nackPLI]),
            ])
    }

    private func packets(_ viewer: TruthRig.Member, _ ssrc: UInt32) -> [ReceivedRTP] {
        viewer.rtp.filter { $0.ssrc == ssrc }
    }

    /// Numbers without a gap, timestamps that never step back.
    private func isContinuous(_ packets: [ReceivedRTP]) -> Bool {
        guard let first = packets.first?.index else { return false }
        let times = zip(packets, packets.dropFirst())
        return packets.map(\.index) == (0..<UInt64(packets.count)).map { first + $0 }
            && times.allSatisfy { Int32(bitPattern: $1.timestamp &- $0.timestamp) >= 0 }
    }

    @Test(arguments: [0, 1, 4, 30])
    func `numbers go on, sound and picture move by the same, a keyframe comes first`(pause: Int) throws {
        let rig = try TruthRig()
        let first = try Source(rig, seed: 1)
        let viewer = try viewer(rig)
        first.keyframe()
        first.pictures(45)
        let second = try Source(rig, seed: 2, takesOver: true)
        rig.settle()
        #expect(!rig.isOpen(first.member) && rig.isOpen(second.member))
        #expect(first.member.isClosed)
        #expect(rig.counters.takeovers == 1)
        let before = (audio: packets(viewer, 5).count, video: packets(viewer, 6).count)
        rig.run(for: Int64(pause) * 100_000_000)
        // Not before its keyframe.
        second.pictures(3)
        #expect(packets(viewer, 6).count == before.video)
        second.keyframe()
        second.pictures(60)
        let (audio, video) = (packets(viewer, 5), packets(viewer, 6))
        #expect(isContinuous(audio) && isContinuous(video))
        #expect(video[before.video].payload == Picture.sps)
        #expect(video.count == before.video + 4 + 120)
        #expect(viewer.undecryptable == 0)
        // What was sampled at one moment is as far apart in both as it was under the first publisher.
        let moves = try [(audio, before.audio, 48.0), (video, before.video, 90.0)].map {
            packets, count, rate in
            let old = try #require(packets[..<count].last)
            let new = try #require(packets.last)
            let played = Double(new.timestamp &- old.timestamp) / rate
            return played - Double(new.at - old.at) / 1e6
        }
        #expect(abs(moves[0] - moves[1]) < 25, "sound moved by \(moves[0]) ms, the picture by \(moves[1]) ms")
        #expect(abs(moves[1]) < 50)
    }

    @Test func `who returns after its room was empty goes on like that, too`() throws {
        let rig = try TruthRig()
        let first = try Source(rig, seed: 3)
        let viewer = try viewer(rig)
        first.keyframe()
        first.pictures(10)
        try rig.close(first.member)
        rig.run(for: 1_000_000_000)
        let second = try Source(rig, seed: 4)
        second.keyframe()
        second.pictures(10)
        let video = packets(viewer, 6)
        #expect(isContinuous(video) && isContinuous(packets(viewer, 5)))
        #expect(video.count == 2 * (4 + 20))
        let old = video[23]
        let new = video[24]
        let moved = Double(new.timestamp &- old.timestamp) / 90 - Double(new.at - old.at) / 1e6
        #expect(abs(moved) < 5)
    }

    @Test func `before its handshake is done nobody loses the room`() throws {
        let rig = try TruthRig()
        let first = try Source(rig, seed: 5)
        let viewer = try viewer(rig)
        first.keyframe()
        let stranger = try rig.open(
            .publisher, [TruthRig.line(.video, mid: "v", payloadType: 102)], takesOver: true)
        first.pictures(30)
        #expect(packets(viewer, 6).count == 4 + 60)
        #expect(rig.isOpen(first.member))
        // And what it was told is not the other's.
        #expect(rig.tracks(of: stranger).isEmpty)
        try rig.close(first.member)
        #expect(rig.counters.takeovers == 0)
    }

    @Test func `without the wish to take over a room stays occupied`() throws {
        let rig = try TruthRig()
        _ = try Source(rig, seed: 6)
        #expect(throws: CommandError.roomOccupied) { _ = try Source(rig, seed: 7) }
    }

    @Test func `what the one before sent is not sent again as what this one sends`() throws {
        let rig = try TruthRig()
        let first = try Source(rig, seed: 8)
        let viewer = try viewer(rig)
        first.keyframe()
        first.pictures(20)
        let second = try Source(rig, seed: 9, takesOver: true)
        second.keyframe()
        second.pictures(20)
        let video = packets(viewer, 6)
        let sealed = zip(viewer.rtp, viewer.sealed).filter { $0.0.ssrc == 6 }.map(\.1)
        let count = viewer.sealed.count
        rig.sendRTCP(RTCPFixture.nack(6, video.map(\.sequenceNumber)), from: viewer)
        #expect(Array(viewer.sealed.dropFirst(count)) == Array(sealed.suffix(44)))
    }
}
