import SigmaPeer
import SigmaSystem
import Testing

@Suite("A flood of handshakes", .serialized)
struct HandshakeFloodTests {
    /// The same hello with another random, so that it is no repetition of the first.
    private func vary(_ hello: [UInt8], _ number: Int) -> [UInt8] {
        var hello = hello
        // Behind the heads of record and message, and the version (RFC 6347 §4.2.2).
        for (place, shift) in zip(27..<31, [24, 16, 8, 0]) {
            hello[place] = UInt8(truncatingIfNeeded: number >> shift)
        }
        return hello
    }

    @Test func `of opened sessions with right checks delays no media and no join`() throws {
        let media = try MediaProcess()
        let control = try ControlSocket(media)
        try control.greet()
        let watched = try [PeerRole.publisher, .viewer, .viewer, .viewer].map {
            try SocketPeer($0, media, control)
        }
        #expect(connect(watched))
        let viewers = watched.dropFirst()
        run(watched, seconds: 1)
        for viewer in viewers { viewer.forgetGaps() }
        run(watched, seconds: 2)
        let quiet = viewers.map(\.longestGap).max() ?? 0

        let hostile = try (0..<50).map { _ in try SocketPeer(.viewer, media, control, room: 2) }
        for peer in hostile { peer.start() }
        let areSecuring = run(watched + hostile, seconds: 10) { hostile.allSatisfy { $0.clientHello != nil } }
        #expect(areSecuring)
        for viewer in viewers { viewer.forgetGaps() }

        // From here on the hostile ones only send hellos, as fast as this thread can beside the rest.
        let joining = try (0..<10).map { _ in try SocketPeer(.viewer, media, control) }
        for peer in joining { peer.start() }
        var sent = 0
        let end = SystemClock.monotonic() + 3_000_000_000
        run(watched + joining, seconds: 10) {
            for peer in hostile {
                guard let hello = peer.clientHello else { continue }
                for _ in 0..<4 {
                    peer.sendRaw(vary(hello, sent))
                    sent += 1
                }
            }
            return SystemClock.monotonic() >= end
        }
        let counters = try control.counters()
        let longest = viewers.map(\.longestGap).max() ?? 0
        print(
            "handshake flood: \(sent) hellos in 3 s; longest gap \(longest / 1_000_000) ms, before "
                + "\(quiet / 1_000_000) ms; overflow \(counters["dtls_overflow"] ?? 0)")
        #expect(joining.allSatisfy { $0.peer.state == .connected })
        #expect(viewers.allSatisfy { $0.gaps == 0 && $0.missed == 0 })
        // Of what a busy machine may add on its own; media behind a queue of handshakes waits for seconds.
        #expect(longest < quiet + 500_000_000)
    }
}
