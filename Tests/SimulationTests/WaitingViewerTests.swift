import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import Testing

@Suite("Viewers that wait: before the first publisher, and between two")
struct WaitingViewerTests {
    private func viewers(_ count: Int, _ simulation: Simulation) throws -> [Simulation.Client] {
        try (0..<count).map { _ in try simulation.join(.viewer) }
    }

    @Test(arguments: [1, 3], [70, 71, 72, 73] as [UInt64])
    func `who was there before a publisher sees it from its first keyframe on`(
        shards: Int, seed: UInt64
    ) throws {
        let simulation = try Simulation(seed: seed, shards: shards)
        let viewers = try viewers(5, simulation)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(90))
        #expect(viewers.allSatisfy { $0.peer.state == .connected && $0.peer.received.isEmpty })
        let publisher = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(4))
        #expect(publisher.peer.state == .connected)
        for viewer in viewers {
            let video = try #require(viewer.received(.video))
            #expect(video.gaps == 0 && video.timestampsBackwards == 0 && video.missedFromPublisher == 0)
            #expect(video.completeFrames > 90)
            #expect(try #require(viewer.received(.audio)).packets > 150)
        }
        #expect(simulation.violations.isEmpty)
    }

    /// The next publisher may be on any shard, and the room forgotten where the last one was.
    @Test(arguments: [1, 3], [0.1, 3, 300])
    func `who stays sees the next publisher with numbers, times and lips going on`(
        shards: Int, pause: Double
    ) throws {
        for seed in 80..<(shards == 1 ? 84 : 92) as Range<UInt64> {
            let isJittery = seed % 2 == 0
            let simulation = try Simulation(seed: seed, shards: shards)
            let viewers = try viewers(5, simulation)
            for round in 0..<3 {
                let publisher = try simulation.join(.publisher)
                if isJittery, round == 0 {
                    // When its packets come says little of when they were made; its sender reports do.
                    let link = LinkConditions(delay: 40_000_000, jitter: 30_000_000)
                    simulation.setLink(publisher, up: link, down: nil)
                }
                #expect(simulation.connectAll(but: .closed))
                let moments = round == 0 ? [] : try viewers.map { try PlayedMoment($0) }
                let before = viewers.map { $0.received(.video)?.packets ?? 0 }
                simulation.run(for: .seconds(4))
                #expect(simulation.hasRoom(publisher))
                for (viewer, count) in zip(viewers, before) {
                    #expect(viewer.peer.received.count == 2)
                    let video = try #require(viewer.received(.video))
                    // What had been overtaken when the session ended never comes.
                    #expect(video.gaps == 0 || isJittery)
                    #expect(video.timestampsBackwards == 0)
                    #expect(video.packets > count + 300 && viewer.decryptFailures == 0)
                }
                for (viewer, moment) in zip(viewers, moments) {
                    let moved = try PlayedMoment(viewer).pictureMoved(againstSoundSince: moment)
                    #expect(abs(moved) < 5, "seed \(seed), round \(round)")
                }
                try simulation.close(publisher)
                simulation.run(for: .seconds(pause))
                #expect(viewers.allSatisfy { $0.peer.state == .connected })
            }
            #expect(simulation.reusedIndices == 0 && simulation.violations.isEmpty)
            if shards > 1 { #expect(simulation.server.counters.packetsRelayed > 0) }
        }
    }

    @Test(arguments: [1, 3])
    func `a publisher that never sent leaves nothing behind`(shards: Int) throws {
        let simulation = try Simulation(seed: 91, shards: shards)
        let viewers = try viewers(3, simulation)
        let first = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        try simulation.close(first)
        let moments = try viewers.map { try PlayedMoment($0) }
        let mute = try simulation.join(.publisher) { $0.makesMedia = false }
        #expect(simulation.connectAll(but: .closed))
        simulation.run(for: .seconds(2))
        try simulation.close(mute)
        let second = try simulation.join(.publisher)
        #expect(simulation.connectAll(but: .closed))
        simulation.run(for: .seconds(3))
        #expect(simulation.hasRoom(second))
        for (viewer, moment) in zip(viewers, moments) {
            let video = try #require(viewer.received(.video))
            #expect(video.gaps == 0 && video.timestampsBackwards == 0)
            #expect(abs(try PlayedMoment(viewer).pictureMoved(againstSoundSince: moment)) < 10)
        }
    }
}
