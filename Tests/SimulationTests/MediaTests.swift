import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Forwarding: RFC 3550, RFC 6184")
struct MediaTests {
    @Test func `six viewers on lossy links get what their links carry, and nothing is damaged`() throws {
        let simulation = try Simulation(seed: 11)
        let publisher = try simulation.join(.publisher)
        for _ in 0..<6 {
            let viewer = try simulation.join(.viewer) { $0.repair = RepairSettings(.nothing) }
            simulation.setLink(viewer, up: .lossy, down: .lossy)
        }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(20))
        #expect(publisher.peer.state == .connected)
        for viewer in simulation.clients.dropFirst() {
            #expect(viewer.decryptFailures + viewer.damagedPayloads == 0)
            for kind in [SigmaPeer.MediaKind.audio, .video] {
                let stream = try #require(viewer.received(kind))
                let loss = Double(stream.gaps) / Double(stream.gaps + stream.packets)
                #expect((0.03...0.07).contains(loss), "\(kind) \(loss)")
                #expect(stream.timestampsBackwards == 0)
                #expect(stream.duplicates > 0)
                #expect(!stream.isGone)
            }
        }
        #expect(simulation.sentToStrangers.isEmpty)
        #expect(simulation.reusedIndices == 0)
    }

    @Test func `numbers are gapless where nothing is lost, over the wrap of the publisher's`() throws {
        let simulation = try Simulation(seed: 12)
        let publisher = try simulation.join(.publisher)
        let early = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(7))
        let late = try simulation.join(.viewer)
        simulation.run(for: .seconds(60))
        for viewer in [early, late] {
            for kind in [SigmaPeer.MediaKind.audio, .video] {
                let stream = try #require(viewer.received(kind))
                #expect(stream.gaps == 0)
                #expect(stream.outOfOrder == 0)
                #expect(stream.missedFromPublisher == 0)
            }
        }
        #expect(try #require(early.received(.video)).packets > 5_000)
        #expect(publisher.keyframeRequests.count >= 1)
    }

    // Seeds that put somebody on another shard than the publisher.
    @Test(arguments: [30, 31, 32, 34, 35, 36, 37] as [UInt64])
    func `joiners begin with the last keyframe on whatever shard they are`(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed, shards: 3)
        let publisher = try simulation.join(.publisher) {
            $0.answersKeyframeRequests = false
            $0.video = SyntheticVideo.Settings(keyframeInterval: 60)
        }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        let requests = publisher.keyframeRequests.count
        for _ in 0..<6 {
            let viewer = try simulation.join(.viewer)
            #expect(simulation.connectAll())
            simulation.run(for: .milliseconds(100))
            #expect(try #require(viewer.received(.video)).keyframes == 1)
        }
        simulation.run(for: .seconds(4))
        for viewer in simulation.clients.dropFirst() {
            let video = try #require(viewer.received(.video))
            #expect(video.gaps == 0 && video.outOfOrder == 0 && video.timestampsBackwards == 0)
            #expect(try #require(viewer.received(.audio)).packets > 100)
        }
        #expect(simulation.server.counters.packetsRelayed > 0)
        #expect(simulation.server.counters.packetsDropped == 0)
        // Nobody needed the publisher for it, but where the past was longer than 3 s.
        #expect(publisher.keyframeRequests.count == requests || simulation.server.counters.joinsFromCache < 6)
    }

    @Test func `a server that is short of time drops pictures, leaves no gap, and keeps audio whole`() throws
    {
        let simulation = try Simulation(seed: 17)
        let publisher = try simulation.join(.publisher)
        let viewers = try (0..<4).map { _ in try simulation.join(.viewer) }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        #expect(simulation.server.counters.packetsDropped == 0)
        // 400 datagrams in a second, where twice as many are wanted.
        simulation.server.pace = SimulatedServer.Pace(slice: 1, interval: .milliseconds(2) + 500_000)
        simulation.run(for: .seconds(10))
        let dropped = simulation.server.counters
        #expect(dropped.framesDropped > 100 && dropped.packetsDropped > dropped.framesDropped)
        let reports = viewers.compactMap { simulation.server.report($0.sessionID) }
        #expect(reports.map(\.counters.framesDropped).reduce(0, +) == dropped.framesDropped)
        simulation.server.pace = SimulatedServer.Pace()
        simulation.run(for: .seconds(3))
        for viewer in viewers {
            let (audio, video) = (
                try #require(viewer.received(.audio)), try #require(viewer.received(.video))
            )
            #expect(audio.gaps == 0 && audio.missedFromPublisher == 0)
            #expect(video.gaps == 0 && video.missedFromPublisher > 0)
            #expect(video.timestampsBackwards == 0)
            #expect(viewer.decryptFailures + viewer.damagedPayloads == 0)
        }
        // Asked for again and again, but no oftener than twice in a second.
        let requests = publisher.keyframeRequests
        #expect(zip(requests, requests.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(490) })
        #expect(simulation.reusedIndices == 0 && simulation.violations.isEmpty)
    }

    @Test func `a packet the publisher's link lost is one gap for every viewer, no more`() throws {
        let simulation = try Simulation(seed: 13)
        let publisher = try simulation.join(.publisher) { $0.repair = RepairSettings(.nothing) }
        let viewers = [try simulation.join(.viewer), try simulation.join(.viewer)]
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.setLink(publisher, up: LinkConditions(loss: 0.02), down: nil)
        simulation.run(for: .seconds(10))
        simulation.setLink(publisher, up: nil, down: nil)
        simulation.run(for: .seconds(1))
        let streams = try viewers.map { try #require($0.received(.video)) }
        #expect(streams[0].gaps > 10)
        for stream in streams { #expect(stream.gaps == stream.missedFromPublisher) }
        #expect(streams[0].gaps == streams[1].gaps)
    }

    @Test func `reordered and repeated packets of the publisher reach viewers once`() throws {
        let simulation = try Simulation(seed: 14)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer) { $0.repair = RepairSettings(.nothing) }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.setLink(
            publisher, up: LinkConditions(delay: 10_000_000, jitter: 30_000_000, duplicate: 0.1), down: nil)
        simulation.run(for: .seconds(10))
        simulation.setLink(publisher, up: nil, down: nil)
        simulation.run(for: .seconds(1))
        let video = try #require(viewer.received(.video))
        #expect(video.duplicates == 0)
        #expect(video.outOfOrder > 0)
        #expect(video.gaps == 0)
        #expect(simulation.server.counters.srtpReplayed > 0)
        #expect(simulation.reusedIndices == 0)
    }

    @Test func `the first frame is there within one GOP of joining`() throws {
        let simulation = try Simulation(seed: 15)
        _ = try simulation.join(.publisher) { $0.answersKeyframeRequests = false }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3.3))
        let joined = simulation.now
        let viewer = try simulation.join(.viewer)
        simulation.run(for: .seconds(3))
        let first = try #require(viewer.received(.video)?.firstFrameAt)
        #expect(first - joined < .seconds(2.1))
        let video = try #require(viewer.received(.video))
        #expect(video.completeFrames > 0)
    }

    @Test func `viewers in another room get nothing`() throws {
        let simulation = try Simulation(seed: 16)
        _ = try simulation.join(.publisher, room: 1)
        let stranger = try simulation.join(.viewer, room: 2)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        #expect(stranger.peer.received.isEmpty)
    }

    @Test func `a paused viewer gets nothing, and goes on without a gap`() throws {
        let simulation = try Simulation(seed: 17)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        try simulation.server.setPaused(true, viewer.sessionID)
        simulation.run(for: .milliseconds(100))
        let before = try #require(viewer.received(.video)).packets
        simulation.run(for: .seconds(3))
        #expect(try #require(viewer.received(.video)).packets == before)
        try simulation.server.setPaused(false, viewer.sessionID)
        simulation.run(for: .seconds(3))
        let video = try #require(viewer.received(.video))
        #expect(video.packets > before + 150)
        #expect(video.gaps == 0)
        #expect(video.timestampsBackwards == 0)
        #expect(video.missedFromPublisher > 150)
        #expect(simulation.reusedIndices == 0)
    }
}
