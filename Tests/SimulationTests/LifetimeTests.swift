import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

extension Simulation {
    /// Why the server ended the sessions of `client`.
    func endings(of client: Client) -> [EndReason] {
        events.compactMap { event in
            guard event.sessionID == client.sessionID, case .ended(let reason, _, _) = event.event else {
                return nil
            }
            return reason
        }
    }

    /// When the server said `event` of `client`.
    func times(of wanted: Event, _ client: Client) -> [Int64] {
        events.filter { $0.sessionID == client.sessionID && $0.event == wanted }.map(\.at)
    }
}

@Suite("Consent, roaming, endings: RFC 7675, RFC 8445 §8.1.1, RFC 3550 §6.6")
struct LifetimeTests {
    @Test func `consent is kept up for ten minutes of silence on the way up (RFC 7675 §5.1)`() throws {
        let simulation = try Simulation(seed: 41)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(600))
        #expect(viewer.peer.state == .connected)
        #expect(simulation.times(of: .disconnected, viewer).isEmpty)
        #expect(simulation.server.sessions.count == 1)
    }

    @Test
    func `without consent: disconnected after 15 s, ended after 30 s, nothing sent later (RFC 7675 §5.1)`()
        throws
    {
        let simulation = try Simulation(seed: 42)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        let cut = simulation.now
        simulation.setLink(viewer, up: .cut, down: nil)
        simulation.run(for: .seconds(31))
        // The last check came at most 6 s before the cut.
        let disconnected = try #require(simulation.times(of: .disconnected, viewer).first)
        #expect((.seconds(8.9)...(.seconds(15.1))).contains(disconnected - cut))
        let ended = try #require(simulation.events.last { $0.sessionID == viewer.sessionID })
        #expect(simulation.endings(of: viewer) == [.consentExpired])
        #expect(abs(ended.at - disconnected - .seconds(15)) < .milliseconds(50))
        let packets = try #require(viewer.received(.video)).packets
        simulation.run(for: .seconds(10))
        #expect(try #require(viewer.received(.video)).packets == packets)
        // Not a goodbye either.
        #expect(viewer.firstTime { $0 == .closedByServer } == nil)
        #expect(simulation.violations.isEmpty)
    }

    @Test(arguments: [false, true])
    func `a server that stood still sends nothing that consent ended for meanwhile (RFC 7675 §5.1)`(
        clockStops: Bool
    ) throws {
        let simulation = try Simulation(seed: 55)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        simulation.setLink(viewer, up: .cut, down: nil)
        simulation.pauseServer(for: .seconds(40), clockStops: clockStops)
        simulation.run(for: .seconds(0.1))
        #expect(simulation.violations.isEmpty)
        // On a clock that stood still no time has passed.
        #expect(simulation.endings(of: viewer) == (clockStops ? [] : [.consentExpired]))
    }

    @Test func `a viewer that comes back within 30 s is connected again`() throws {
        let simulation = try Simulation(seed: 43)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        simulation.setLink(viewer, up: .cut, down: .cut)
        simulation.run(for: .seconds(20))
        simulation.setLink(viewer, up: nil, down: nil)
        simulation.run(for: .seconds(8))
        #expect(simulation.times(of: .disconnected, viewer).count == 1)
        #expect(simulation.times(of: .reconnected, viewer).count == 1)
        #expect(viewer.peer.state == .connected)
        #expect(viewer.decryptFailures == 0)
        let last = try #require(viewer.received(.video)).packets
        simulation.run(for: .seconds(2))
        #expect(try #require(viewer.received(.video)).packets > last + 150)
    }

    @Test func `an address change is followed, the old address is left alone (RFC 8445 §8.1.1)`() throws {
        let simulation = try Simulation(seed: 44)
        _ = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        let old = viewer.address
        simulation.move(viewer, to: Address(v4: 0x0A00_00FE, port: 50000))
        simulation.run(for: .seconds(1))
        let strays = simulation.sentToStrangers[old] ?? 0
        let before = try #require(viewer.received(.video)).packets
        simulation.run(for: .seconds(5))
        #expect(try #require(viewer.received(.video)).packets > before + 500)
        #expect(simulation.sentToStrangers[old] ?? 0 == strays)
        #expect(viewer.firstTime { $0 == .closedByServer } == nil)
        #expect(viewer.decryptFailures == 0)
        #expect(simulation.reusedIndices == 0)
    }

    @Test func `a NAT that rebinds is followed with the next check (RFC 7675 §5.1)`() throws {
        let simulation = try Simulation(seed: 45)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(3))
        simulation.rebind(viewer, to: Address(v4: 0x0A00_00FD, port: 1024))
        simulation.rebind(publisher, to: Address(v4: 0x0A00_00FC, port: 1025))
        simulation.run(for: .seconds(7))
        let before = try #require(viewer.received(.video)).packets
        simulation.run(for: .seconds(3))
        #expect(try #require(viewer.received(.video)).packets > before + 300)
        #expect(viewer.peer.state == .connected)
        #expect(publisher.peer.state == .connected)
        #expect(try #require(viewer.received(.video)).timestampsBackwards == 0)
    }

    @Test func `closing ends a session at once, with close_notify (RFC 5246 §7.2.1)`() throws {
        let simulation = try Simulation(seed: 46)
        _ = try simulation.join(.publisher)
        let young = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        try simulation.close(young)
        #expect(simulation.endings(of: young) == [.requested])
        simulation.run(for: .milliseconds(50))
        #expect(young.firstTime { $0 == .closedByServer } != nil)
        // One whose DTLS state was freed long ago gets it as well.
        let old = try simulation.join(.viewer)
        simulation.run(for: .seconds(25))
        try simulation.close(old)
        simulation.run(for: .milliseconds(50))
        #expect(old.firstTime { $0 == .closedByServer } != nil)
        #expect(simulation.server.sessions.count == 1)
    }

    @Test func `a viewer that says goodbye is gone at once, late in its life within seconds`() throws {
        let simulation = try Simulation(seed: 47)
        _ = try simulation.join(.publisher)
        let young = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(1))
        simulation.act(young) { peer, now in peer.close(at: now) }
        simulation.run(for: .milliseconds(100))
        #expect(simulation.endings(of: young) == [.peerClosed])
        // After the DTLS state is freed an alert is only a hint: consent ends 6 s later.
        let old = try simulation.join(.viewer)
        simulation.run(for: .seconds(25))
        simulation.act(old) { peer, now in peer.close(at: now) }
        simulation.run(for: .seconds(6.2))
        #expect(simulation.endings(of: old) == [.consentExpired])
    }

    @Test func `a publisher's BYE ends its session, and viewers wait for the next (RFC 3550 §6.6)`() throws {
        let simulation = try Simulation(seed: 48)
        let publisher = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(2))
        simulation.act(publisher) { peer, _ in peer.leave() }
        simulation.run(for: .milliseconds(200))
        // A browser says BYE as well when it pauses a track: the session stays for five seconds more.
        #expect(simulation.endings(of: publisher).isEmpty)
        simulation.run(for: .seconds(5))
        #expect(simulation.endings(of: publisher) == [.publisherBye])
        #expect(simulation.times(of: .publisherGone, publisher).count == 1)
        #expect(viewer.peer.received.values.allSatisfy { !$0.isGone })
        #expect(viewer.peer.state == .connected)
    }

    @Test func `viewers stay when a publisher goes, and see the next one with numbers and times going on`()
        throws
    {
        let simulation = try Simulation(seed: 49)
        let first = try simulation.join(.publisher)
        let viewer = try simulation.join(.viewer)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(4))
        try simulation.close(first)
        simulation.run(for: .seconds(3))
        let before = try #require(viewer.received(.video))
        let second = try simulation.join(.publisher)
        simulation.run(for: .seconds(5))
        #expect(second.peer.state == .connected)
        let after = try #require(viewer.received(.video))
        #expect(after.ssrc == before.ssrc)
        #expect(after.packets > before.packets + 300)
        #expect(after.gaps == 0)
        #expect(after.timestampsBackwards == 0)
        #expect(after.completeFrames > before.completeFrames + 100)
        #expect(simulation.reusedIndices == 0)
        #expect(viewer.decryptFailures == 0)
    }

    @Test func `the publisher going live and leaving is told in order`() throws {
        let simulation = try Simulation(seed: 50)
        let publisher = try simulation.join(.publisher)
        #expect(simulation.connectAll())
        simulation.run(for: .seconds(5))
        try simulation.close(publisher)
        let told = simulation.events.map { event in
            switch event.event {
            case .connected: "connected"
            case .publisherLive: "live"
            case .trackKnown(let facts):
                facts.kind == .video ? "video \(facts.width)x\(facts.height)" : "audio"
            case .keyframeInterval: "interval"
            case .trackTrouble: "trouble"
            case .publisherGone: "gone"
            case .ended: "ended"
            case .disconnected, .reconnected, .anchored: "other"
            }
        }
        #expect(told.first == "connected")
        #expect(told.dropFirst().first == "live")
        #expect(told.contains("audio"))
        #expect(told.contains("video 1280x720"))
        #expect(told.suffix(2) == ["gone", "ended"])
        #expect(!told.contains("other"))
    }
}
