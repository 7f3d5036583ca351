import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Simulation: one seed, one outcome")
struct ReproducibilityTests {
    private struct Outcome: Equatable {
        let digest: UInt64
        let events: [Simulation.ServerEvent]
        let received: [[UInt32: ReceiveStatistics]]
        let peerEvents: [[PeerEvent]]
    }

    private func outcome(seed: UInt64) throws -> Outcome {
        let simulation = try Simulation(seed: seed)
        simulation.network.standard = .lossy
        let publisher = try simulation.join(.publisher) { $0.setup = .passive }
        for _ in 0..<4 { _ = try simulation.join(.viewer) }
        simulation.run(for: .seconds(12))
        simulation.rebind(simulation.clients[2], to: Address(v4: 0x0A00_00AA, port: 9))
        simulation.run(for: .seconds(8))
        simulation.act(publisher) { peer, now in peer.close(at: now) }
        simulation.run(for: .seconds(5))
        return Outcome(
            digest: simulation.digest, events: simulation.events,
            received: simulation.clients.map(\.peer.received),
            peerEvents: simulation.clients.map { $0.events.map(\.event) })
    }

    @Test func `a seed run twice gives the same datagrams, octet for octet, handshakes included`() throws {
        let first = try outcome(seed: 61)
        let second = try outcome(seed: 61)
        #expect(first == second)
        #expect(first.events.count > 8)
    }

    @Test func `another seed gives another run`() throws {
        #expect(try outcome(seed: 62).digest != outcome(seed: 63).digest)
    }

    @Test func `the audit sees two packets under one index, and lets a resend pass (RFC 3711 §9.1)`() {
        let rtp: [UInt8] = [0x80, 96, 0, 1] + [UInt8](repeating: 5, count: 20)
        let rtcp: [UInt8] = [0x80, 200, 0, 1, 0, 0, 0, 9] + [UInt8](repeating: 7, count: 24)
        for packet in [rtp, rtcp] {
            var audit = IndexAudit()
            audit.note(packet, isAEAD: true)
            audit.note(packet, isAEAD: true)
            #expect(audit.reused == 0)
            var other = packet
            other[15] ^= 1
            audit.note(other, isAEAD: true)
            #expect(audit.reused == 1)
        }
    }
}
