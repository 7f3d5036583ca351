import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

/// A publisher's video, 30 pictures a second, written by hand.
private final class Video {
    static let b: [UInt8] = [0x01, 0x9E, 0x20, 0]

    let rig: TruthRig
    let publisher: TruthRig.Member
    private(set) var number: UInt16 = 65_400
    private var timestamp: UInt32 = 4_294_900_000

    init(feedback: MediaLineRecord.Feedback = [.nackPLI, .ccmFIR]) throws {
        rig = try TruthRig()
        publisher = try rig.join(
            .publisher,
            [TruthRig.line(.video, mid: "v", payloadType: 102, ssrc: 71, feedback: feedback)])
    }

    /// One picture; it takes its time, and leaves out the packets at `lost`.
    func picture(_ payloads: [[UInt8]], lost: Set<Int> = []) {
        timestamp &+= 3_000
        for (place, payload) in payloads.enumerated() {
            number &+= 1
            guard !lost.contains(place) else { continue }
            rig.send(
                RTPFixture(
                    payloadType: 102, sequenceNumber: number, timestamp: timestamp, ssrc: 71,
                    payload: payload, marker: place == payloads.count - 1), from: publisher)
        }
        rig.run(for: 33_000_000)
    }

    func keyframe() { picture([Picture.sps, Picture.pps, Picture.idr(1), Picture.idrEnd(1)]) }

    func others(_ count: Int, _ payload: [UInt8] = Picture.other(1)) {
        for _ in 0..<count { picture([payload]) }
    }

    var track: TrackReport? { rig.report(publisher)?.tracks.first }
    var troubles: Troubles? { track?.troubles }
    /// Times that it was asked for a keyframe.
    var requests: [Int64] { publisher.rtcp.filter { $0.pictureLosses > 0 }.map(\.at) }
}

@Suite("Truth: statistics (RFC 3550 §6.4)")
struct TruthStatisticsTests {
    /// RFC 3550 §6.4.2 with one block.
    private func receiverReport(_ block: ReportBlock) -> [UInt8] {
        var bytes: [UInt8] = [0x81, 201, 0, 7, 0, 0, 0, 9]
        bytes.append(bigEndian: block.ssrc.rawValue)
        bytes.append(bigEndian: UInt32(block.fractionLost) << 24 | UInt32(block.cumulativeLost))
        bytes.append(bigEndian: block.highestSequenceNumber)
        bytes.append(bigEndian: block.jitter)
        bytes.append(bigEndian: block.lastSR)
        bytes.append(bigEndian: block.delaySinceLastSR)
        return bytes
    }

    @Test func `what a viewer reports of a stream is what its statistics say`() throws {
        let video = try Video()
        let viewer = try video.rig.join(
            .viewer, [TruthRig.line(.video, mid: "0", payloadType: 97, ssrc: 6)])
        video.keyframe()
        for (fraction, lost, jitter) in [(UInt8(31), Int32(12), UInt32(451)), (0, 12, 77)] {
            let block = ReportBlock(
                ssrc: SSRC(rawValue: 6), fractionLost: fraction, cumulativeLost: lost,
                highestSequenceNumber: 100, jitter: jitter, lastSR: 0, delaySinceLastSR: 0)
            video.rig.sendRTCP(receiverReport(block), from: viewer)
            let report = try #require(video.rig.report(viewer))
            let track = try #require(report.tracks.first)
            #expect(track.packetsLost == lost && report.counters.packetsLost == UInt64(lost))
            #expect(track.fractionLost == fraction)
            #expect(track.jitter == jitter)
        }
        // Of a stream that it was not sent, it can say nothing.
        let stray = ReportBlock(
            ssrc: SSRC(rawValue: 7), fractionLost: 9, cumulativeLost: 9, highestSequenceNumber: 9, jitter: 9,
            lastSR: 0, delaySinceLastSR: 0)
        video.rig.sendRTCP(receiverReport(stray), from: viewer)
        #expect(video.rig.report(viewer)?.tracks.first?.jitter == 77)
    }

    @Test(arguments: UInt64(1)...8)
    func `a publisher's losses are the packets that never came, and no others`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let video = try Video()
        video.keyframe()
        var lost = 0
        for _ in 0..<400 {
            let missing = Set((0..<3).filter { _ in random.chance(0.08) })
            lost += missing.count
            video.picture([Picture.other(1), Picture.other(2), Picture.other(3)], lost: missing)
        }
        video.others(1)
        let report = try #require(video.rig.report(video.publisher))
        #expect(lost > 60)
        #expect(report.counters.packetsLost == UInt64(lost))
        #expect(report.tracks.first?.packetsLost == Int32(lost))
        #expect(report.counters.packetsReceived == UInt64(4 + 400 * 3 - lost + 1))
        // The fraction is the one that the publisher was told last.
        let told = video.publisher.rtcp.compactMap { $0.reportBlocks.first }.last
        #expect(report.tracks.first?.fractionLost == told?.fractionLost)
    }

    @Test func `a viewer that began with a keyframe of the past is counted as one`() throws {
        let video = try Video()
        let early = try video.rig.join(.viewer, [TruthRig.line(.video, mid: "0", payloadType: 97, ssrc: 6)])
        video.keyframe()
        video.others(30)
        let late = try video.rig.join(.viewer, [TruthRig.line(.video, mid: "0", payloadType: 97, ssrc: 8)])
        video.others(60)
        #expect(video.rig.report(early)?.counters.joinsFromCache == 0)
        #expect(video.rig.report(late)?.counters.joinsFromCache == 1)
        #expect(video.rig.counters.joinsFromCache == 1)
    }

    @Test func `over a network that loses and delays, statistics are within what reports can say`() throws {
        let simulation = try Simulation(seed: 71)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer) { $0.repair = RepairSettings(.nothing) }
        #expect(simulation.connectAll())
        simulation.setLink(
            viewer, up: nil, down: LinkConditions(loss: 0.08, delay: 40_000_000, jitter: 8_000_000))
        simulation.run(for: .seconds(15))
        let report = try #require(simulation.server.report(viewer.sessionID))
        let received = try #require(viewer.received(.video))
        let track = try #require(report.tracks.first { $0.kind == .video })
        #expect(abs(Double(track.jitter) - Double(received.jitter)) <= Double(received.jitter) / 2)
        #expect((5...45).contains(track.fractionLost))
        #expect((40_000_000...120_000_000).contains(report.counters.roundTripTime))
        let sent = try #require(simulation.server.report(publisher.sessionID))
        let own = sent.tracks.first {
            $0.kind == .video
        }
        #expect(own?.packetsLost == 0 && own?.fractionLost == 0)
        #expect(own?.keyframeInterval == 2_000 && own?.longestKeyframeInterval == 2_000)
        #expect(own?.troubles == [])
    }
}

@Suite("Truth: what is hard about a publisher's video")
struct TruthTroubleTests {
    @Test func `two pictures with B slices`() throws {
        let video = try Video()
        video.keyframe()
        video.others(1, Video.b)
        video.others(5)
        #expect(video.troubles == [])
        video.others(1, Video.b)
        video.others(5)
        #expect(video.troubles == .bFrames)
        for _ in 0..<6 {
            video.keyframe()
            video.others(60)
        }
        #expect(video.troubles == [])
    }

    @Test func `a publisher that ignores requests is asked for a keyframe at 11 s and told of at 13 s`()
        throws
    {
        let video = try Video()
        video.keyframe()
        let start = video.rig.now
        while video.rig.now - start < 10_900_000_000 { video.others(1) }
        #expect(video.requests.isEmpty && video.troubles == [])
        while video.rig.now - start < 12_800_000_000 { video.others(1) }
        #expect(!video.requests.isEmpty && video.troubles == [])
        while video.rig.now - start < 13_500_000_000 { video.others(1) }
        #expect(video.troubles == .longKeyframeInterval)
        #expect((13_300...13_600).contains(video.track?.longestKeyframeInterval ?? 0))
    }

    @Test func `a publisher that answers is asked once, and may wait as long as it likes`() throws {
        let video = try Video()
        video.keyframe()
        while video.requests.isEmpty { video.others(1) }
        video.keyframe()
        video.others(1_200)
        #expect(video.requests.count == 1)
        #expect(video.troubles == [])
        #expect((video.track?.longestKeyframeInterval ?? 0) > 39_000)
    }

    @Test func `one that cannot be asked is told of at 11 s`() throws {
        let video = try Video(feedback: [])
        video.keyframe()
        video.others(350)
        #expect(video.requests.isEmpty)
        #expect(video.troubles == .longKeyframeInterval)
    }

    @Test func `the second keyframe in a row without parameter sets`() throws {
        let video = try Video()
        video.keyframe()
        for expected in [[], .bareKeyframes, .bareKeyframes] as [Troubles] {
            video.picture([Picture.idr(1), Picture.idrEnd(1)])
            video.others(10)
            #expect(video.troubles == expected)
        }
        video.keyframe()
        video.others(10)
        #expect(video.troubles == [])
    }

    @Test func `more since the keyframe than the cache holds, from one that makes none when asked`() throws {
        let video = try Video()
        let fragments = (0..<80).map { _ in Picture.other(1) }
        video.keyframe()
        for _ in 0..<50 { video.picture(fragments) }
        #expect(video.troubles == [])
        for _ in 0..<70 { video.picture(fragments) }
        #expect(!video.requests.isEmpty)
        #expect(video.troubles == .beyondCache)
        video.keyframe()
        video.others(10)
        #expect(video.troubles == [])
    }

    @Test func `events carry the whole set, at most one in a second`() throws {
        let simulation = try Simulation(seed: 72)
        _ = try simulation.join(.publisher) {
            $0.answersKeyframeRequests = false
            $0.video = SyntheticVideo.Settings(bitrate: 500_000, framesPerSecond: 30, keyframeInterval: 20)
        }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(50))
        let told = simulation.events.compactMap { event -> (at: Int64, facts: TroubleFacts)? in
            guard case .trackTrouble(let facts) = event.event else { return nil }
            return (event.at, facts)
        }
        #expect((2...10).contains(told.count))
        #expect(told.allSatisfy { $0.facts.troubles == .longKeyframeInterval })
        #expect((18_000...20_100).contains(told.last?.facts.keyframeInterval ?? 0))
        for (earlier, later) in zip(told, told.dropFirst()) {
            #expect(later.at - earlier.at >= .seconds(1))
        }
    }
}
