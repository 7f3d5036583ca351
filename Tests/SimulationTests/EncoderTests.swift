import SigmaPeer
import SigmaTestKit
import Testing

@Suite("Encoders that restart: RFC 3550 §8.2, RFC 3711 §9.1")
struct EncoderTests {
    private static let shuffled = LinkConditions(delay: 10_000_000, jitter: 40_000_000)

    @Test(arguments: UInt64(1)...20)
    func `a new source whose first packets come out of order uses no index twice`(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.setLink(publisher, up: Self.shuffled, down: nil)
        for _ in 0..<3 {
            simulation.run(for: .seconds(2))
            simulation.act(publisher) { peer, _ in peer.pauseMedia() }
            simulation.run(for: .seconds(1))
            simulation.act(publisher) { peer, now in
                peer.restartEncoder()
                peer.resumeMedia(at: now)
            }
        }
        simulation.run(for: .seconds(3))
        // What is still under way arrives.
        simulation.setLink(publisher, up: nil, down: nil)
        simulation.run(for: .seconds(1))
        #expect(simulation.violations.isEmpty)
        #expect(viewer.decryptFailures + viewer.damagedPayloads == 0)
        let video = try #require(viewer.received(.video))
        // What came before the first of a new source is left out, not put elsewhere.
        #expect(video.gaps == 0)
        #expect(video.packets > 500)
    }

    @Test(arguments: UInt64(1)...20)
    func `probes of padding among packets out of order use no index twice`(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.setLink(publisher, up: Self.shuffled, down: nil)
        for round in 0..<60 {
            simulation.act(publisher) { peer, now in peer.sendPadding(count: 1 + round % 3, at: now) }
            simulation.run(for: .milliseconds(33))
        }
        simulation.run(for: .seconds(1))
        #expect(simulation.violations.isEmpty)
        #expect(viewer.decryptFailures + viewer.damagedPayloads == 0)
    }

    @Test(arguments: [3500, 4000, 20_000, 32_000] as [UInt16])
    func `numbers that jump leave no gap towards viewers (RFC 3550 A.1)`(jump: UInt16) throws {
        let simulation = try Simulation(seed: 7)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        for _ in 0..<4 {
            simulation.run(for: .seconds(2))
            simulation.act(publisher) { peer, _ in peer.jumpSequenceNumbers(by: jump) }
        }
        simulation.run(for: .seconds(2))
        #expect(simulation.violations.isEmpty)
        let streams = try [SigmaPeer.MediaKind.audio, .video].map { try #require(viewer.received($0)) }
        #expect(streams.allSatisfy { $0.gaps == 0 && $0.timestampsBackwards == 0 })
    }
}
