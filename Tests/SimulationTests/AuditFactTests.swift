import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import Testing

@Suite("What the history of a room is made of")
struct AuditFactTests {
    private func totals(_ client: Simulation.Client, _ simulation: Simulation) -> SessionTotals? {
        simulation.events.lazy.compactMap { event in
            guard event.sessionID == client.sessionID, case .ended(_, let totals, _) = event.event else {
                return nil
            }
            return totals
        }.first
    }

    @Test(arguments: [1, 3])
    func `an end says what was sent and received, of publishers and of viewers`(shards: Int) throws {
        let simulation = try Simulation(seed: 95, shards: shards)
        let publisher = try simulation.join(.publisher)
        let viewers = try (0..<3).map { _ in try simulation.join(.viewer) }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(5))
        for viewer in viewers { try simulation.close(viewer) }
        try simulation.close(publisher)
        simulation.run(for: .seconds(1))
        let received = try #require(totals(publisher, simulation))
        #expect(received.packetsReceived > 500 && received.octetsReceived > 500_000)
        #expect(received.packetsSent == 0)
        for viewer in viewers {
            let sent = try #require(totals(viewer, simulation))
            let count = viewer.peer.received.values.reduce(0) { $0 + $1.packets }
            #expect(sent.packetsSent == UInt64(count) && sent.packetsReceived == 0)
            #expect(sent.octetsSent > 500_000)
        }
    }

    @Test func `a publisher is silent after 5 s without media, and live with the next packet`() throws {
        let simulation = try Simulation(seed: 96)
        let publisher = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        let cut = simulation.now
        simulation.setLink(publisher, up: .cut, down: nil)
        simulation.run(for: .seconds(4.5))
        #expect(simulation.times(of: .publisherGone, publisher).isEmpty)
        simulation.run(for: .seconds(2.5))
        let gone = try #require(simulation.times(of: .publisherGone, publisher).first)
        #expect(abs(gone - cut - .seconds(5)) < .milliseconds(100))
        #expect(simulation.server.snapshot.first?.isLive == false)
        #expect(simulation.server.snapshot.first?.hasRoom == true)
        simulation.setLink(publisher, up: nil, down: nil)
        simulation.run(for: .seconds(1))
        #expect(simulation.times(of: .publisherLive, publisher).count == 2)
        #expect(simulation.server.snapshot.first?.isLive == true)
        try simulation.close(publisher)
        #expect(simulation.times(of: .publisherGone, publisher).count == 2)
    }

    @Test func `one that is silent when it ends has gone once`() throws {
        let simulation = try Simulation(seed: 97)
        let publisher = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        simulation.setLink(publisher, up: .cut, down: nil)
        simulation.run(for: .seconds(31))
        #expect(simulation.endings(of: publisher) == [.consentExpired])
        #expect(simulation.times(of: .publisherGone, publisher).count == 1)
    }

    @Test
    func `codec, size, keyframe interval and troubles of a publisher are told, and kept for a snapshot`()
        throws
    {
        let simulation = try Simulation(seed: 98, shards: 2)
        let publisher = try simulation.join(.publisher) {
            $0.video = SyntheticVideo.Settings(bitrate: 1_200_000, keyframeInterval: 2)
        }
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(7))
        var facts: [TrackFacts] = []
        var intervals: [UInt32] = []
        for event in simulation.events where event.sessionID == publisher.sessionID {
            if case .trackKnown(let track) = event.event { facts.append(track) }
            if case .keyframeInterval(_, let milliseconds) = event.event { intervals.append(milliseconds) }
        }
        let summary = try #require(simulation.server.snapshot.first)
        #expect(
            summary.tracks.sorted { $0.mediaLine < $1.mediaLine }
                == facts.sorted { $0.mediaLine < $1.mediaLine })
        let video = try #require(facts.first { $0.kind == .video })
        #expect(video.codec == .h264 && video.width == 1280 && video.height == 720)
        #expect(video.profileLevelID != 0 && facts.contains { $0.kind == .audio && $0.codec == .opus })
        #expect(intervals.contains { abs(Int($0) - 2000) < 50 })
    }
}
