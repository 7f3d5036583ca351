import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Feedback: RFC 4585, RFC 5104, RFC 3550 §6.4")
struct FeedbackTests {
    @Test func `requests of many viewers are one in 500 ms (RFC 4585 §6.3.1)`() throws {
        let simulation = try Simulation(seed: 21)
        let publisher = try simulation.join(.publisher)
        for _ in 0..<8 { _ = try simulation.join(.viewer) }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        let before = publisher.keyframeRequests.count
        for round in 0..<40 {
            let viewer = simulation.clients[1 + round % 8]
            simulation.act(viewer) { peer, _ in
                peer.requestKeyframe(round % 3 == 0 ? .fullIntra : .pictureLoss)
            }
            simulation.run(for: .milliseconds(50))
        }
        simulation.run(for: .seconds(1))
        let requests = publisher.keyframeRequests
        // 2 s of asking: one at once, then one every half second.
        #expect((4...6).contains(requests.count - before))
        for (earlier, later) in zip(requests, requests.dropFirst()) {
            #expect(later - earlier >= .milliseconds(480))
        }
    }

    @Test func `a request is repeated until a keyframe comes, then no more`() throws {
        let simulation = try Simulation(seed: 22)
        let publisher = try simulation.join(.publisher) {
            $0.answersKeyframeRequests = false
            $0.video = SyntheticVideo.Settings(bitrate: 500_000, framesPerSecond: 30, keyframeInterval: 10)
        }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        let viewer = try simulation.join(.viewer)
        simulation.run(for: .seconds(1))
        // It began with what is kept; only now it has lost the picture.
        #expect(publisher.keyframeRequests.isEmpty)
        simulation.act(viewer) { peer, _ in peer.requestKeyframe() }
        simulation.run(for: .seconds(3.5))
        let asked = publisher.keyframeRequests.count
        #expect((6...9).contains(asked))
        simulation.act(publisher) { peer, _ in peer.makeKeyframe() }
        simulation.run(for: .milliseconds(200))
        let answered = publisher.keyframeRequests.count
        simulation.run(for: .seconds(3))
        #expect(publisher.keyframeRequests.count == answered)
    }

    @Test func `lost requests are made good by the repetition`() throws {
        let simulation = try Simulation(seed: 23)
        let publisher = try simulation.join(.publisher) {
            $0.video = SyntheticVideo.Settings(bitrate: 500_000, framesPerSecond: 30, keyframeInterval: 60)
        }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.setLink(publisher, up: nil, down: LinkConditions(loss: 0.5))
        for _ in 0..<5 {
            let viewer = try simulation.join(.viewer)
            let hasFrame = simulation.run(upTo: .seconds(8)) { viewer.received(.video)?.firstFrameAt != nil }
            #expect(hasFrame)
        }
        #expect(publisher.peer.state == .connected)
    }

    @Test func `a viewer that waits when the publisher comes gets a picture though the first one was lost`()
        throws
    {
        let simulation = try Simulation(seed: 27)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        let publisher = try simulation.join(.publisher) {
            $0.video = SyntheticVideo.Settings(bitrate: 500_000, framesPerSecond: 30, keyframeInterval: 60)
        }
        _ = simulation.run(upTo: .seconds(5)) { publisher.peer.state == .connected }
        simulation.setLink(publisher, up: .cut, down: nil)
        simulation.run(for: .milliseconds(300))
        simulation.setLink(publisher, up: nil, down: nil)
        let hasFrame = simulation.run(upTo: .seconds(3)) { viewer.received(.video)?.firstFrameAt != nil }
        #expect(hasFrame)
        #expect(publisher.keyframeRequests.count >= 1)
    }

    @Test func `a request that names another stream is ignored`() throws {
        let simulation = try Simulation(seed: 24)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        let received = simulation.server.counters.keyframeRequestsReceived
        // The publisher is no viewer: what it asks for concerns nobody.
        simulation.act(publisher) { peer, _ in peer.requestKeyframe() }
        simulation.run(for: .seconds(1))
        #expect(simulation.server.counters.keyframeRequestsReceived == received)
        simulation.act(viewer) { peer, _ in peer.requestKeyframe() }
        simulation.run(for: .seconds(1))
        #expect(simulation.server.counters.keyframeRequestsReceived == received + 1)
    }

    /// How much later than its picture the sound of one moment plays, by the sender reports, in ns.
    private func lipOffset(_ viewer: Simulation.Client) throws -> Int64 {
        let moments = try [SigmaPeer.MediaKind.audio, .video].map { kind in
            let stream = try #require(viewer.received(kind))
            let report = try #require(stream.lastSenderReport)
            let capture = try #require(stream.lastCapture)
            let clockRate: Int64 = kind == .audio ? 48_000 : 90_000
            let ticks = Int64(Int32(bitPattern: capture.rtp &- report.rtp))
            let played = NTPTimestamp(rawValue: report.ntp).nanoseconds + ticks * 1_000_000_000 / clockRate
            return played - capture.time
        }
        return moments[0] - moments[1]
    }

    @Test(arguments: UInt64(31)...36)
    func `sender reports keep audio and video of one moment together (RFC 3550 §6.4.1)`(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed)
        let publisher = try simulation.join(.publisher)
        let early = try simulation.join(.viewer)
        simulation.setLink(
            publisher, up: LinkConditions(loss: 0.01, delay: 30_000_000, jitter: 25_000_000), down: nil)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(9))
        let late = try simulation.join(.viewer)
        simulation.run(for: .seconds(11))
        for viewer in [early, late] {
            let offset = try lipOffset(viewer)
            #expect(abs(offset) < .milliseconds(5), "\(Double(offset) / 1e6) ms")
            let video = try #require(viewer.received(.video))
            #expect(video.senderReports >= 3)
        }
    }

    @Test func `the server reports to its publisher what it lost (RFC 3550 §6.4.2)`() throws {
        let simulation = try Simulation(seed: 25)
        let publisher = try simulation.join(.publisher) { $0.repair = RepairSettings(.nothing) }
        #expect(simulation.connectAll())
        simulation.setLink(publisher, up: LinkConditions(loss: 0.1), down: nil)
        simulation.run(for: .seconds(10))
        let report = try #require(simulation.server.report(publisher.sessionID))
        let share = Double(report.counters.packetsLost) / Double(report.counters.packetsReceived)
        #expect((0.07...0.16).contains(share))
        #expect(report.tracks.count == 2)
        #expect(report.tracks.contains { $0.width == 1280 && $0.height == 720 && $0.keyframes > 0 })
    }

    @Test func `what viewers lose is known from their reports`() throws {
        let simulation = try Simulation(seed: 26)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer) { $0.repair = RepairSettings(.nothing) }
        #expect(simulation.connectAll())
        simulation.setLink(viewer, up: nil, down: LinkConditions(loss: 0.1))
        simulation.run(for: .seconds(10))
        simulation.setLink(viewer, up: nil, down: nil)
        simulation.run(for: .seconds(2))
        let report = try #require(simulation.server.report(viewer.sessionID))
        let lost = viewer.peer.received.values.reduce(0) { $0 + $1.gaps }
        #expect(lost > 100)
        #expect(abs(Int(report.counters.packetsLost) - lost) <= 2)
        // 10 ms each way.
        #expect((15_000_000...60_000_000).contains(report.counters.roundTripTime))
    }
}
