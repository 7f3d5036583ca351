import SigmaPeer
import SigmaSystem
import Testing

@Suite("Hello race: a hostile ClientHello comes first", .serialized)
struct HelloRaceTests {
    /// What an attacker sends: somebody's whole ClientHello.
    private func hostileHello(_ media: MediaProcess, _ control: ControlSocket) throws -> [UInt8] {
        let peer = try SocketPeer(.viewer, media, control)
        #expect(connect([peer]))
        defer { peer.leave() }
        return try #require(peer.clientHello)
    }

    @Test func `200 of 200 joins complete, 0 to 50 ms behind it (RFC 8827 §6.5)`() throws {
        let media = try MediaProcess()
        let control = try ControlSocket(media)
        try control.greet()
        let hello = try hostileHello(media, control)
        let stranger = try LocalPort()
        var joined = 0
        for _ in 0..<10 {
            let peers = try (0..<20).map { _ in try SocketPeer(.viewer, media, control) }
            let begin = SystemClock.monotonic()
            let starts = peers.indices.map { _ in begin + .random(in: 0...50_000_000) }
            for (index, peer) in peers.enumerated() {
                stranger.send(hello, to: media.address)
                // From where the peer will come, too, but before its first check.
                if index % 2 == 0 { peer.sendRaw(hello) }
            }
            run(peers, seconds: 15) {
                for (peer, start) in zip(peers, starts)
                where peer.peer.state == .made && start <= SystemClock.monotonic() {
                    // The stranger sends once more, just before the genuine one.
                    stranger.send(hello, to: media.address)
                    peer.start()
                }
                return peers.allSatisfy { $0.peer.state == .connected }
            }
            joined += peers.count { $0.peer.state == .connected }
            // A path of a session that was checked on just now is not taken by another one's check, and the
            // kernel gives ports out again.
            for peer in peers { peer.leave() }
            let areGone = run([], seconds: 5) { (try? control.snapshot().isEmpty) == true }
            #expect(areGone)
        }
        #expect(joined == 200)
        var answers = 0
        stranger.receive { _, _, _ in answers += 1 }
        #expect(answers == 0)
        let counters = try control.counters()
        #expect(counters["unknown_tuple"] ?? 0 >= 500)
        #expect(counters["handshakes_failed"] == 0)
        #expect(counters["receive_overflow"] == 0 && counters["send_failures"] == 0)
    }
}
