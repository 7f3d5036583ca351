import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

/// A hostile ClientHello around the genuine one; "before" is 0 to 50 ms before it arrives.
@Suite("Hello race: RFC 8445 §12.1.1, RFC 6347 §4.2.1")
struct HelloRaceTests {
    /// Peers of one simulation, so that its certificates are made once.
    private static let peers = 20

    private struct Join {
        let client: Simulation.Client
        /// Nanoseconds that a datagram takes, either way.
        let delay: Int64
        /// When its ClientHello arrives: a check, a nomination and their answers come first.
        let hello: Int64
    }

    /// A ClientHello as another client sends it.
    private func hostileHello() throws -> [UInt8] {
        let simulation = try Simulation(seed: 1)
        _ = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        return try #require(simulation.firstUplink.first { $0.first == 22 && $0.count > 59 && $0[13] == 1 })
    }

    private func joins(_ simulation: Simulation, _ random: inout SplitMix64) throws -> [Join] {
        try (0..<Self.peers).map { _ in
            let delay = Int64.random(in: 1_000_000...25_000_000, using: &random)
            simulation.network.standard = LinkConditions(delay: delay)
            let client = try simulation.join(.viewer) { $0.setup = .active }
            let link = LinkConditions(delay: delay)
            simulation.setLink(client, up: link, down: link)
            return Join(client: client, delay: delay, hello: simulation.now + 5 * delay)
        }
    }

    private func forge(_ hello: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var forged = hello
        forged.replaceSubrange(27..<59, with: random.octets(32))
        return forged
    }

    @Test(arguments: Seeds.chunks(500))
    func `10 000 of 10 000 join though others send a hello first, also from behind the same NAT`(
        seeds: Range<UInt64>
    ) throws {
        let hello = try hostileHello()
        for seed in seeds {
            let simulation = try Simulation(seed: seed)
            var random = SplitMix64(seed: seed)
            let joins = try joins(simulation, &random)
            for join in joins {
                let stranger = Address(v4: 0xC633_6400 | UInt32.random(in: 1...9, using: &random), port: 666)
                let neighbour = Address(
                    v4: UInt32(truncatingIfNeeded: join.client.address.low), port: 40001)
                for source in [stranger, neighbour] {
                    let early = Int64.random(in: 0...50_000_000, using: &random)
                    simulation.inject(forge(hello, &random), from: source, arriving: join.hello - early)
                }
            }
            simulation.run(for: .seconds(1))
            let isDone = joins.allSatisfy { $0.client.peer.state == .connected }
            #expect(isDone, Seeds.command(seed, "others send a hello first"))
            #expect(simulation.sentToStrangers.isEmpty)
            #expect(simulation.violations.isEmpty)
            #expect(simulation.server.handshakeConnections == Self.peers)
        }
    }

    @Test(arguments: Seeds.chunks(250))
    func `5000 of 5000 join though a hello with their own address comes after theirs`(
        seeds: Range<UInt64>
    ) throws {
        let hello = try hostileHello()
        for seed in seeds {
            let simulation = try Simulation(seed: seed)
            var random = SplitMix64(seed: seed)
            let joins = try joins(simulation, &random)
            for join in joins {
                let late = Int64.random(in: 1...50_000_000, using: &random)
                simulation.inject(
                    forge(hello, &random), from: join.client.address, arriving: join.hello + late)
            }
            simulation.run(for: .seconds(1))
            let isDone = joins.allSatisfy { $0.client.peer.state == .connected }
            #expect(isDone, Seeds.command(seed, "comes after theirs"))
            #expect(simulation.violations.isEmpty)
        }
    }

    /// The one race that a server alone cannot win.
    ///
    /// What it answers to a forged hello goes to the peer. One that has not sent its own yet ignores it, and the
    /// server begins anew with the genuine hello. One whose hello is under way takes it for the answer and gives
    /// up, as it would if the answer itself were forged: it joins once more.
    @Test(arguments: Seeds.chunks(250))
    func `5000 of 5000 join though a hello with their own address comes first, some at the second try`(
        seeds: Range<UInt64>
    ) throws {
        let hello = try hostileHello()
        for seed in seeds {
            let simulation = try Simulation(seed: seed)
            var random = SplitMix64(seed: seed)
            let joins = try joins(simulation, &random)
            let early = joins.map { join in
                Int64.random(in: 0...min(50_000_000, 4 * join.delay - 1), using: &random)
            }
            for (join, early) in zip(joins, early) {
                simulation.inject(
                    forge(hello, &random), from: join.client.address, arriving: join.hello - early)
            }
            simulation.run(for: .seconds(1))
            for (join, early) in zip(joins, early) where join.client.peer.state != .connected {
                #expect(early <= 2 * join.delay, Seeds.command(seed, "comes first, some"))
                #expect(join.client.peer.state == .closed)
                _ = try simulation.join(.viewer)
            }
            #expect(simulation.connectAll(but: .closed), Seeds.command(seed, "comes first, some"))
            #expect(simulation.clients.count { $0.peer.state == .connected } == Self.peers)
            #expect(simulation.violations.isEmpty)
        }
    }
}
