import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Strangers: no octet out without MESSAGE-INTEGRITY")
struct StrangerTests {
    private static let stranger = Address(v4: 0xC633_6407, port: 1234)

    /// Everything that went to the server, caught for replay from elsewhere.
    private func traffic(_ simulation: Simulation) throws -> [[UInt8]] {
        _ = try simulation.join(.publisher)
        _ = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        return simulation.firstUplink
    }

    @Test func `random datagrams of every first octet get no answer (RFC 7983 §7)`() throws {
        let simulation = try Simulation(seed: 51)
        _ = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        var random = SplitMix64(seed: 51)
        for round in 0..<4000 {
            var bytes = random.octets(Int.random(in: 0...200, using: &random))
            if !bytes.isEmpty { bytes[0] = UInt8(truncatingIfNeeded: round) }
            simulation.inject(bytes, from: Self.stranger)
        }
        simulation.run(for: .seconds(1))
        #expect(simulation.sentToStrangers.isEmpty)
    }

    @Test func `damaged copies of real traffic get no answer, and disturb nobody`() throws {
        let simulation = try Simulation(seed: 52)
        let seeds = try traffic(simulation)
        #expect(seeds.count > 100)
        var mutator = Mutator(seed: 52)
        for round in 0..<5000 {
            let bytes = mutator.mutate(seeds[round % seeds.count])
            // A copy that the damage left whole is a replay, which the next test is about.
            guard !seeds.contains(bytes) else { continue }
            simulation.inject(bytes, from: Self.stranger)
            simulation.inject(bytes, from: simulation.clients[round % 2].address)
        }
        simulation.run(for: .seconds(2))
        #expect(simulation.sentToStrangers.isEmpty)
        let viewer = simulation.clients[1]
        #expect(viewer.peer.state == .connected)
        #expect(viewer.decryptFailures + viewer.damagedPayloads == 0)
        let video = try #require(viewer.received(.video))
        #expect(video.gaps == 0)
    }

    @Test func `a ClientHello from an address without a check is not answered (RFC 8827 §6.5)`() throws {
        let simulation = try Simulation(seed: 53)
        let viewer = try simulation.join(.viewer)
        simulation.setLink(viewer, up: nil, down: nil)
        let hello = try #require(
            try traffic(simulation).first { $0.first == 22 && $0.count > 13 && $0[13] == 1 })
        simulation.inject(hello, from: Self.stranger)
        simulation.run(for: .seconds(1))
        #expect(simulation.sentToStrangers.isEmpty)
        #expect(simulation.server.counters.unknownTuple >= 1)
    }

    @Test func `media and feedback replayed from elsewhere are dropped`() throws {
        let simulation = try Simulation(seed: 54)
        let media = try traffic(simulation).filter { 128...191 ~= $0.first ?? 0 }
        #expect(media.count > 50)
        for bytes in media { simulation.inject(bytes, from: Self.stranger) }
        simulation.run(for: .seconds(1))
        #expect(simulation.sentToStrangers.isEmpty)
        #expect(simulation.server.counters.unknownTuple >= UInt64(media.count))
    }

    @Test(arguments: UInt64(1)...30)
    func `before DTLS is done a peer gets at most three times what it sent`(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed)
        simulation.network.standard = LinkConditions(loss: 0.3, delay: 20_000_000)
        let publisher = try simulation.join(.publisher) { $0.setup = .passive }
        _ = try simulation.join(.viewer) { $0.setup = .active }
        let silent = try simulation.join(.viewer) { $0.setup = .passive }
        // One that sends a check and is never heard again.
        _ = simulation.run(upTo: .seconds(2)) { silent.unproven.received > 0 }
        simulation.setLink(silent, up: .cut, down: nil)
        simulation.run(for: .seconds(25))
        // The publisher may have had its flight again, after it had signed over our random.
        for client in simulation.clients where client !== publisher {
            #expect(client.unproven.sent <= 3 * client.unproven.received)
        }
    }
}
