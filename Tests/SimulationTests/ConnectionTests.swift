import SigmaCore
import SigmaEngine
import SigmaPeer
import SigmaTestKit
import SigmaWire
import Testing

@Suite("Connecting: RFC 8445, RFC 5763, RFC 5764")
struct ConnectionTests {
    @Test(
        arguments: [OfferedSetup.actpass, .active, .passive],
        [ProtectionProfile.aeadAES128GCM, .aes128CMSHA1_80])
    func `both DTLS roles and both SRTP profiles carry media (RFC 5763 §5, RFC 5764 §4.1.2)`(
        setup: OfferedSetup, profile: ProtectionProfile
    ) throws {
        let simulation = try Simulation(seed: 1)
        let configure: (inout PeerConfiguration) -> Void = {
            $0.setup = setup
            $0.profiles = [profile]
        }
        let publisher = try simulation.join(.publisher, configure)
        let viewer = try simulation.join(.viewer, configure)
        #expect(simulation.connectAll())
        #expect(publisher.peer.protectionProfile == profile)
        #expect(viewer.peer.protectionProfile == profile)
        simulation.run(for: .seconds(2))
        let video = try #require(viewer.received(.video))
        let audio = try #require(viewer.received(.audio))
        #expect(video.packets > 200)
        #expect(audio.packets > 90)
        #expect(video.completeFrames > 50)
        #expect(video.gaps + audio.gaps == 0)
        #expect(viewer.decryptFailures + viewer.damagedPayloads == 0)
    }

    @Test func `AEAD is taken where it is offered, whatever the order (RFC 7714 §14.2)`() throws {
        let simulation = try Simulation(seed: 2)
        let viewer = try simulation.join(.viewer) { $0.profiles = [.aes128CMSHA1_80, .aeadAES128GCM] }
        #expect(simulation.connectAll())
        #expect(viewer.peer.protectionProfile == .aeadAES128GCM)
    }

    /// One in 250 joins needs more than 20 s at this loss: a flight that is lost four times.
    @Test func `handshakes complete over a lossy link (RFC 6347 §4.2.4)`() throws {
        var connected = 0
        for seed in 1...50 as ClosedRange<UInt64> {
            let simulation = try Simulation(seed: seed)
            simulation.network.standard = LinkConditions(loss: 0.2, delay: 30_000_000, jitter: 20_000_000)
            _ = try simulation.join(.publisher) {
                $0.setup = .passive
                $0.video = SyntheticVideo.Settings(bitrate: 100_000, framesPerSecond: 5)
            }
            for index in 0..<3 {
                _ = try simulation.join(.viewer) { $0.setup = index == 0 ? .passive : .actpass }
            }
            _ = simulation.connectAll()
            // The peer that is the DTLS server is done first; its last flight may have to come again.
            simulation.run(for: .seconds(10))
            connected += Int(simulation.server.counters.handshakesDone)
        }
        #expect(connected >= 198)
    }

    @Test func `a certificate that was not announced ends the session (RFC 8122 §6.2)`() throws {
        let simulation = try Simulation(seed: 3)
        let impostor = try simulation.join(.viewer, announcing: [UInt8](repeating: 7, count: 32))
        simulation.run(for: .seconds(5))
        let reasons = simulation.endings(of: impostor)
        #expect(reasons == [.fingerprintMismatch])
        #expect(simulation.server.sessions.isEmpty)
        #expect(impostor.peer.received.isEmpty)
    }

    @Test func `a DTLS client without a certificate is not let in (RFC 5763 §5)`() throws {
        let simulation = try Simulation(seed: 7)
        let viewer = try simulation.join(.viewer, isImpostor: true) {
            $0.setup = .active
            $0.showsCertificate = false
        }
        simulation.run(for: .seconds(5))
        #expect(simulation.endings(of: viewer) == [.handshakeFailed])
        #expect(simulation.violations.isEmpty)
    }

    @Test(arguments: [OfferedSetup.active, .passive], [[], [.aes128CMSHA1_32]] as [[ProtectionProfile]])
    func `without a common SRTP profile nobody is let in (RFC 5764 §4.1)`(
        setup: OfferedSetup, profiles: [ProtectionProfile]
    ) throws {
        let simulation = try Simulation(seed: 8)
        let viewer = try simulation.join(.viewer, isImpostor: true) {
            $0.setup = setup
            $0.profiles = profiles
        }
        simulation.run(for: .seconds(5))
        #expect(simulation.endings(of: viewer) == [.handshakeFailed])
        #expect(viewer.peer.state == .closed)
        #expect(simulation.violations.isEmpty)
    }

    @Test func `a peer refuses a server with another certificate (RFC 8827 §6.5)`() throws {
        let simulation = try Simulation(seed: 4)
        let viewer = try simulation.join(.viewer, altering: { $0.fingerprint[31] ^= 1 })
        simulation.run(for: .seconds(5))
        #expect(viewer.firstTime { $0 == .failed(.fingerprintMismatch) } != nil)
        #expect(viewer.peer.state == .closed)
    }

    @Test func `a session that nobody connects to is reaped after 30 s`() throws {
        let simulation = try Simulation(seed: 5)
        simulation.network.standard = .cut
        let viewer = try simulation.join(.viewer)
        let opened = simulation.now
        simulation.run(for: .seconds(29.9))
        #expect(simulation.server.sessions.count == 1)
        simulation.run(for: .seconds(0.2))
        #expect(simulation.endings(of: viewer) == [.neverConnected])
        #expect(simulation.server.sessions.isEmpty)
        #expect(simulation.events.last.map { $0.at - opened >= .seconds(30) } == true)
    }

    @Test func `a peer that never begins DTLS is reaped after 30 s too`() throws {
        let simulation = try Simulation(seed: 6)
        // A passive peer whose answers to the ClientHello are lost: only STUN comes through.
        let viewer = try simulation.join(.viewer)
        simulation.setLink(viewer, up: nil, down: .cut)
        simulation.run(for: .seconds(31))
        #expect(simulation.endings(of: viewer) == [.neverConnected])
    }
}
