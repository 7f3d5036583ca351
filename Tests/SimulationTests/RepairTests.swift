import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Repair of losses: RFC 4585 §6.2.1, RFC 4588")
struct RepairTests {
    private static func link(_ loss: Double, roundTrip: Int64) -> LinkConditions {
        LinkConditions(loss: loss, delay: .milliseconds(roundTrip) / 2)
    }

    private func publish(
        _ simulation: Simulation, _ configure: (inout PeerConfiguration) -> Void = { _ in }
    ) throws -> Simulation.Client {
        try simulation.join(.publisher) {
            $0.video = SyntheticVideo.Settings(bitrate: 1_500_000, keyframeInterval: 10)
            configure(&$0)
        }
    }

    /// The share of a viewer's video that was there within 500 ms.
    private func share(_ video: ReceiveStatistics) -> Double {
        Double(video.packets - video.latePackets) / Double(video.packets + video.gaps)
    }

    // MARK: Towards viewers

    @Test(arguments: [(0.05, 0.999), (0.1, 0.99)], [RepairSettings.Offered.rtx, .nack])
    func `at 100 ms there and back nearly all of what a viewer's link loses comes within 500 ms`(
        _ bound: (loss: Double, share: Double), offered: RepairSettings.Offered
    ) throws {
        let simulation = try Simulation(seed: 41)
        _ = try publish(simulation)
        let viewers = try (0..<6).map { _ in
            try simulation.join(.viewer) { $0.repair = RepairSettings(offered) }
        }
        #expect(simulation.connectAll())
        for viewer in viewers {
            let link = Self.link(bound.loss, roundTrip: 100)
            simulation.setLink(viewer, up: link, down: link)
        }
        simulation.run(for: .seconds(30))
        for viewer in viewers {
            let video = try #require(viewer.received(.video))
            #expect(share(video) >= bound.share, "\(share(video)) \(video.repair)")
            #expect(Double(video.repair.lost) > 0.7 * bound.loss * Double(video.packets))
            #expect((video.repair.recoveredByRTX > 0) == (offered == .rtx))
            #expect(viewer.decryptFailures + viewer.damagedPayloads + video.contradictions == 0)
        }
        simulation.checkRepair()
        #expect(simulation.violations.isEmpty)
        #expect(simulation.reusedIndices == 0)
    }

    @Test func `who offered no repair is sent nothing again, and asks for nothing`() throws {
        let simulation = try Simulation(seed: 42)
        _ = try publish(simulation)
        let viewer = try simulation.join(.viewer) { $0.repair = RepairSettings(.nothing) }
        #expect(simulation.connectAll())
        simulation.setLink(viewer, up: nil, down: Self.link(0.1, roundTrip: 50))
        simulation.run(for: .seconds(5))
        #expect(simulation.server.counters.nacksReceived == 0)
        #expect(simulation.server.counters.packetsResent == 0)
        #expect(try #require(viewer.received(.video)).gaps > 20)
    }

    @Test(arguments: [RepairSettings.Offered.rtx, .nack])
    func `one that asks for everything all the time gets a bounded multiple of the stream`(
        offered: RepairSettings.Offered
    ) throws {
        let simulation = try Simulation(seed: 43)
        _ = try publish(simulation)
        let hostile = try simulation.join(.viewer) {
            $0.repair = RepairSettings(offered)
            $0.repair.asks = false
        }
        let other = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.endRepairPromise()
        simulation.setLink(other, up: nil, down: Self.link(0.05, roundTrip: 50))
        for _ in 0..<1000 {
            let video = try #require(hostile.received(.video))
            let newest = UInt16(truncatingIfNeeded: video.newestNumber)
            simulation.act(hostile) { peer, _ in
                peer.requestRetransmission(of: (0..<512).map { newest &- $0 }, video.ssrc)
            }
            simulation.run(for: .milliseconds(10))
        }
        let report = try #require(simulation.server.report(hostile.sessionID)).counters
        let sent = report.packetsSent - report.packetsRetransmitted
        #expect(report.packetsRetransmitted > sent / 2)
        #expect(report.packetsRetransmitted <= sent + 256)
        // Nobody else pays for it.
        #expect(share(try #require(other.received(.video))) > 0.999)
        // None of them more often than ten times.
        #expect(simulation.violations.isEmpty)
        #expect(simulation.reusedIndices == 0)
    }

    @Test func `numbers that were never sent are not answered`() throws {
        let simulation = try Simulation(seed: 44)
        _ = try publish(simulation)
        let viewer = try simulation.join(.viewer) { $0.repair.asks = false }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        let video = try #require(viewer.received(.video))
        let newest = UInt16(truncatingIfNeeded: video.newestNumber)
        simulation.act(viewer) { peer, _ in
            peer.requestRetransmission(of: (10_000..<30_000).map { newest &+ $0 }, video.ssrc)
        }
        simulation.run(for: .milliseconds(200))
        #expect(simulation.server.counters.packetsResent == 0)
    }

    // MARK: Towards publishers

    @Test(arguments: [RepairSettings.Offered.rtx, .nack], [true, false])
    func `what a publisher's link loses reaches viewers with its number`(
        offered: RepairSettings.Offered, announces: Bool
    ) throws {
        let simulation = try Simulation(seed: 45)
        let publisher = try publish(simulation) {
            $0.repair = RepairSettings(offered)
            $0.repair.announcesRTX = announces
        }
        let viewer = try simulation.join(.viewer) { $0.repair = RepairSettings(.nothing) }
        #expect(simulation.connectAll())
        let link = Self.link(0.05, roundTrip: 100)
        simulation.setLink(publisher, up: link, down: link)
        simulation.run(for: .seconds(30))
        let video = try #require(viewer.received(.video))
        #expect(share(video) >= 0.999, "\(share(video))")
        #expect(video.outOfOrder > 100)
        #expect(video.gaps <= video.missedFromPublisher)
        #expect(viewer.damagedPayloads == 0)
        #expect(simulation.server.counters.packetsRecovered > 100)
        #expect(simulation.violations.isEmpty)
    }

    @Test(arguments: [100, 400] as [Int64])
    func `a publisher is asked a round trip apart, however long that is`(roundTrip: Int64) throws {
        let simulation = try Simulation(seed: 46)
        let publisher = try publish(simulation)
        #expect(simulation.connectAll())
        let link = Self.link(0, roundTrip: roundTrip)
        simulation.setLink(publisher, up: Self.link(0.05, roundTrip: roundTrip), down: link)
        simulation.run(for: .seconds(20))
        let learned = simulation.now
        simulation.run(for: .seconds(20))
        var times: [UInt16: [Int64]] = [:]
        for (at, event) in publisher.events where at > learned {
            if case .retransmissionRequested(_, let number) = event { times[number, default: []].append(at) }
        }
        #expect(times.count > 50)
        for (number, times) in times {
            #expect(
                zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(roundTrip) }, "\(number)")
        }
    }

    @Test(arguments: UInt64(50)..<70)
    func `a publisher whose packets only overtake each other is asked for none`(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed)
        let publisher = try publish(simulation)
        #expect(simulation.connectAll())
        let link = LinkConditions(delay: 20_000_000, jitter: 15_000_000, duplicate: 0.02)
        simulation.setLink(publisher, up: link, down: nil)
        simulation.run(for: .seconds(5))
        #expect(simulation.server.counters.nacksSent == 0)
    }

    @Test func `what a newer keyframe has superseded is asked for no more`() throws {
        let simulation = try Simulation(seed: 47)
        let publisher = try publish(simulation) { $0.repair.answers = false }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        simulation.setLink(publisher, up: .cut, down: nil)
        simulation.run(for: .milliseconds(100))
        simulation.setLink(publisher, up: nil, down: nil)
        simulation.run(for: .milliseconds(300))
        let asked = publisher.retransmissionRequests
        #expect(!asked.isEmpty)
        simulation.act(publisher) { peer, _ in peer.makeKeyframe() }
        // The next picture, its way, and a request under way.
        simulation.run(for: .milliseconds(34 + 10 + 10 + 1))
        let before = publisher.retransmissionRequests.count
        simulation.run(for: .seconds(3))
        #expect(publisher.retransmissionRequests.count == before)
    }
}

extension Simulation.Client {
    /// When NACKs of the server named a packet.
    fileprivate var retransmissionRequests: [Int64] {
        events.compactMap { at, event in
            if case .retransmissionRequested = event { at } else { nil }
        }
    }
}
