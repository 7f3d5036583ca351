import SigmaCore
import SigmaPeer
import SigmaTestKit
import Testing

@Suite("The session slab of a running engine")
struct SlabTests {
    @Test func `takes up the sessions of a running engine, and those only`() throws {
        let simulation = try Simulation(seed: 11)
        let publisher = try simulation.join(.publisher)
        let viewers = try (0..<2).map { _ in try simulation.join(.viewer) }
        simulation.run(for: 3_000_000_000)
        let clients = [publisher] + viewers
        #expect(clients.allSatisfy { $0.peer.state == .connected })
        try simulation.server.setPaused(true, viewers[0].sessionID)
        func left() throws -> [SessionID] {
            let octets = simulation.server.slabOctets
            let now = Instant(nanoseconds: simulation.now)
            let view = try SessionSlabView(octets.span.bytes)
            let found = view.inventory(at: now)
            #expect(found.faults.isEmpty && found.previousCount == 0)
            let journalID = view.journalID
            #expect(journalID == simulation.server.journalID)
            var ids: [SessionID] = []
            for handle in found.sessions {
                let session = try #require(try view.session(Int(handle.slot), at: now))
                #expect(session.record.current.state == .connected)
                #expect(
                    session.record.current.isPaused
                        == (session.record.current.sessionID == viewers[0].sessionID))
                ids.append(session.record.current.sessionID)
            }
            return ids
        }
        #expect(Set(try left()) == Set(clients.map(\.sessionID)))
        try simulation.close(viewers[0])
        #expect(Set(try left()) == [publisher.sessionID, viewers[1].sessionID])
    }
}
