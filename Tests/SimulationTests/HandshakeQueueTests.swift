import SigmaEngine
import SigmaPeer
import SigmaTestKit
import Testing

@Suite("The queue of the handshakes")
struct HandshakeQueueTests {
    @Test(arguments: [OfferedSetup.active, .passive])
    func `one peer's datagrams leave the others their place`(setup: OfferedSetup) throws {
        let simulation = try Simulation(seed: 57)
        let hostile = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        let hello = try #require(
            simulation.firstUplink.first { $0.first == 22 && $0.count > 13 && $0[13] == 1 })
        // Each flood arrives in the same moment as what the other sent 5 ms later, and before it.
        simulation.setLink(hostile, up: LinkConditions(delay: .milliseconds(15)), down: nil)
        var other: Simulation.Client?
        let begin = simulation.now + .milliseconds(5)
        for _ in 0..<40 {
            for _ in 0..<(Engine.handshakeQueueLimit + 100) {
                simulation.inject(hello, from: hostile.address)
            }
            simulation.run(for: .milliseconds(5))
            if other == nil { other = try simulation.join(.viewer) { $0.setup = setup } }
        }
        let joined = try #require(other)
        _ = simulation.run(upTo: .seconds(5)) { joined.peer.state == .connected }
        let connected = try #require(joined.firstTime { if case .connected = $0 { true } else { false } })
        // A lost flight would have cost a second, a lost start the join.
        #expect(connected - begin < .milliseconds(500))
        #expect(hostile.peer.state == .connected && simulation.server.counters.dtlsOverflow > 10_000)
    }
}
