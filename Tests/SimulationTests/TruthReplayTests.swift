import SigmaCore
import SigmaEngine
import SigmaWire
import Testing

@Suite("Truth: a joiner gets the last keyframe and all since, faster than it came")
struct TruthReplayTests {
    /// 30 pictures and 50 packets of sound a second.
    private final class Broadcast {
        let rig: TruthRig
        let publisher: TruthRig.Member
        private var number: UInt16 = 65_000
        private var audioNumber: UInt16 = 65_000
        private var timestamp: UInt32
        private var audioTimestamp: UInt32 = 4_294_960_000
        private var tag: UInt8 = 0
        private let start: Int64

        init(timestamp: UInt32 = 4_294_900_000) throws {
            rig = try TruthRig()
            self.timestamp = timestamp
            start = rig.now
            publisher = try rig.join(
                .publisher,
                [
                    TruthRig.line(.audio, mid: "a", payloadType: 111, ssrc: 70),
                    TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71),
                ])
        }

        func viewer() throws -> TruthRig.Member {
            try rig.join(
                .viewer,
                [
                    TruthRig.line(.audio, mid: "0", payloadType: 96, ssrc: 5),
                    TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6),
                ])
        }

        func keyframe() {
            send([Picture.sps, Picture.pps, Picture.idr(200), Picture.idrEnd(200)])
            tag = 0
        }

        /// Pictures of two packets, one in 33 ms, and sound.
        func pictures(_ count: Int) {
            for _ in 0..<count {
                send([Picture.other(tag), Picture.other(tag)])
                tag = (tag + 1) % 200
            }
        }

        private func send(_ payloads: [[UInt8]]) {
            for (place, payload) in payloads.enumerated() {
                rig.send(
                    RTPFixture(
                        payloadType: 102, sequenceNumber: number, timestamp: timestamp, ssrc: 71,
                        payload: payload, marker: place == payloads.count - 1), from: publisher)
                number &+= 1
            }
            timestamp &+= 3000
            for _ in 0..<2 {
                rig.send(
                    RTPFixture(
                        payloadType: 111, sequenceNumber: audioNumber, timestamp: audioTimestamp, ssrc: 70,
                        payload: [1]), from: publisher)
                audioNumber &+= 1
                audioTimestamp &+= 800
                rig.run(for: 16_666_667)
            }
        }

        var requests: Int { publisher.rtcp.count { $0.pictureLosses > 0 } }
    }

    private func video(_ viewer: TruthRig.Member) -> [ReceivedRTP] { viewer.rtp.filter { $0.ssrc == 6 } }
    private func audio(_ viewer: TruthRig.Member) -> [ReceivedRTP] { viewer.rtp.filter { $0.ssrc == 5 } }

    private func isGapless(_ packets: [ReceivedRTP]) -> Bool {
        guard let first = packets.first?.index else { return false }
        return packets.map(\.index) == (0..<UInt64(packets.count)).map { first + $0 }
    }

    /// Of each picture the outgoing timestamp and when it came.
    private func pictures(_ viewer: TruthRig.Member) -> [(timestamp: UInt32, at: Int64)] {
        var pictures: [(timestamp: UInt32, at: Int64)] = []
        for packet in video(viewer) where packet.timestamp != pictures.last?.timestamp {
            pictures.append((packet.timestamp, packet.at))
        }
        return pictures
    }

    @Test(arguments: [6, 30, 60, 89, 240])
    func `all since the keyframe, then live, without a gap in numbers or a step back in time`(
        behind: Int
    ) throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(behind)
        let requests = broadcast.requests
        let joiner = try broadcast.viewer()
        let joined = broadcast.rig.now
        // At once the keyframe, and for as long as it takes to make up what it missed, 1.6 s at most, the rest.
        let since = min(behind * 2 / 3, 48) + 30
        broadcast.pictures(since)
        let packets = video(joiner)
        #expect(isGapless(packets))
        #expect(packets.count == 4 + 2 * (behind + since))
        #expect((packets.first?.at ?? .max) - joined < 20_000_000)
        // One that was never asked may answer sooner than a long past has passed.
        #expect((broadcast.requests > requests) == (behind > 90))
        #expect(broadcast.rig.counters.joinsFromCache == 1)

        let all = pictures(joiner)
        for (earlier, later) in zip(all, all.dropFirst()) {
            let step = later.timestamp &- earlier.timestamp
            #expect((1...3000).contains(step), "a step of \(step)")
        }
        // Live again: each picture a thirtieth of a second after the one before.
        for (earlier, later) in zip(all.suffix(20), all.suffix(19)) {
            #expect(later.timestamp &- earlier.timestamp == 3000)
        }
        // As sent, so timed: a player that waits as its timestamps say has no picture late and none early.
        guard let first = all.first else { return }
        for picture in all {
            let due = Int64(picture.timestamp &- first.timestamp) * 1_000_000 / 90
            let came = picture.at - first.at
            #expect(abs(came - due) < 60_000_000, "due at \(due / 1_000_000), came at \(came / 1_000_000) ms")
        }
    }

    @Test func `sound and sender reports begin when the picture is live (RFC 3550 §6.4.1)`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(60)
        let joiner = try broadcast.viewer()
        let joined = broadcast.rig.now
        broadcast.pictures(100)
        let sound = audio(joiner)
        #expect(isGapless(sound))
        // 2 s behind are made up for in 1.33 s.
        let first = try #require(sound.first)
        #expect((1_250_000_000...1_450_000_000).contains(first.at - joined))
        let reports = joiner.rtcp.filter { $0.senderInfo?.ssrc.rawValue == 6 }
        #expect(!reports.isEmpty)
        #expect(reports.allSatisfy { $0.at - joined > 1_300_000_000 })
        // What a report says of the time is where the live pictures are.
        for report in reports {
            let info = try #require(report.senderInfo)
            let near = try #require(video(joiner).last { $0.at <= report.at })
            #expect(abs(Int32(bitPattern: info.rtpTimestamp &- near.timestamp)) < 9000)
        }
    }

    @Test func `a publisher that answers is asked when making up would take over 2 s, and there is a still`()
        throws
    {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        // It answers the first request, of a viewer without a picture.
        broadcast.rig.run(for: 100_000_000)
        broadcast.keyframe()
        broadcast.pictures(120)
        let requests = broadcast.requests
        let joiner = try broadcast.viewer()
        broadcast.pictures(3)
        #expect(video(joiner).compactMap(\.payload.last) == [Picture.sps[24], Picture.pps[4], 200, 200])
        #expect(broadcast.requests == requests + 1)
        broadcast.keyframe()
        broadcast.pictures(10)
        #expect(video(joiner).count == 4 + 4 + 20)
        #expect(isGapless(video(joiner)))
        #expect(isGapless(video(viewer)))
    }

    @Test func `a publisher that was never asked is asked, and its keyframe ends what is past`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(200)
        let requests = broadcast.requests
        let joiner = try broadcast.viewer()
        let joined = broadcast.rig.now
        broadcast.pictures(6)
        #expect(broadcast.requests == requests + 1)
        broadcast.keyframe()
        broadcast.pictures(30)
        let packets = video(joiner)
        #expect(isGapless(packets))
        // The first one has no more than its turn of the past; then the second, and all since.
        let second = try #require(packets.lastIndex { $0.payload == Picture.sps })
        #expect(packets.count - second == 4 + 60)
        #expect(second < 4 + 2 * 60)
        for (earlier, later) in zip(pictures(joiner), pictures(joiner).dropFirst()) {
            #expect((1...9000).contains(later.timestamp &- earlier.timestamp))
        }
        // And the sound with it.
        let sound = try #require(audio(joiner).first)
        #expect((200_000_000...300_000_000).contains(sound.at - joined))
    }

    @Test func `past what is kept a joiner has a still, until the keyframe that is asked for`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(2100)
        let requests = broadcast.requests
        let joiner = try broadcast.viewer()
        broadcast.pictures(10)
        #expect(video(joiner).compactMap(\.payload.last) == [Picture.sps[24], Picture.pps[4], 200, 200])
        #expect(broadcast.rig.counters.stillsShown == 1)
        #expect(broadcast.requests > requests)
        broadcast.keyframe()
        broadcast.pictures(5)
        let packets = video(joiner)
        #expect(packets.count == 4 + 4 + 10)
        #expect(isGapless(packets))
        // As much later as it came later, not as it was made.
        let moved = Double(packets[4].timestamp &- packets[3].timestamp) / 90
        #expect(abs(moved - Double(packets[4].at - packets[3].at) / 1e6) < 50)
        // The still is kept no longer than it is the last.
        let late = try broadcast.viewer()
        broadcast.pictures(30)
        #expect(video(late).count >= 4 + 10)
        #expect(broadcast.rig.counters.stillsShown == 1)
    }

    @Test func `a still that a pause cuts short is begun anew`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(2100)
        broadcast.rig.slice = 1
        broadcast.rig.isStalled = true
        let joiner = try broadcast.viewer()
        _ = broadcast.rig.fanOutSlice()
        _ = broadcast.rig.fanOutSlice()
        try broadcast.rig.setPaused(true, joiner)
        try broadcast.rig.setPaused(false, joiner)
        for _ in 0..<20 { _ = broadcast.rig.fanOutSlice() }
        let tags = video(joiner).compactMap(\.payload.last)
        #expect(tags.suffix(4) == [Picture.sps[24], Picture.pps[4], 200, 200])
        #expect(isGapless(video(joiner)))
        #expect(!broadcast.rig.fanOutSlice())
    }

    @Test func `of a still what was lost is sent again`() throws {
        let broadcast = try Broadcast()
        broadcast.keyframe()
        broadcast.pictures(2100)
        let joiner = try broadcast.rig.join(
            .viewer, [TruthRig.line(.video, mid: "1", payloadType: 97, ssrc: 6, feedback: [.nack, .nackPLI])])
        broadcast.pictures(3)
        let before = joiner.sealed
        #expect(before.count == 4)
        broadcast.rig.sendRTCP(RTCPFixture.nack(6, joiner.rtp.map(\.sequenceNumber)), from: joiner)
        #expect(Array(joiner.sealed.dropFirst(4)) == before)
    }

    @Test func `who pauses sees the last keyframe at once when he goes on`() throws {
        let broadcast = try Broadcast()
        let viewer = try broadcast.viewer()
        broadcast.keyframe()
        broadcast.pictures(10)
        try broadcast.rig.setPaused(true, viewer)
        broadcast.pictures(30)
        let before = video(viewer).count
        try broadcast.rig.setPaused(false, viewer)
        broadcast.pictures(60)
        let after = video(viewer).dropFirst(before)
        #expect(after.prefix(4).compactMap(\.payload.last) == [Picture.sps[24], Picture.pps[4], 200, 200])
        #expect(after.count == 4 + 2 * 100)
        #expect(isGapless(video(viewer)))
        #expect(isGapless(audio(viewer)))
    }
}
