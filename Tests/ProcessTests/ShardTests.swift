import SigmaControl
import SigmaPeer
import Testing

/// Rooms, viewers and sockets spread over the shards of one process.
@Suite("Shards: sessions and sockets of one port on several threads", .serialized)
struct ShardTests {
    private let media: MediaProcess
    private let control: ControlSocket

    init() throws {
        media = try MediaProcess(["SIGMA_SHARDS": "3"])
        control = try ControlSocket(media)
        try control.greet()
    }

    private func hasPicture(_ peer: SocketPeer) -> Bool {
        peer.events.contains { if case .firstFrame = $0 { true } else { false } }
    }

    @Test func `datagrams find their session, whichever socket the kernel gives them to`() throws {
        // Twenty rooms and as many ports: each socket gets some, and each shard has some.
        let publishers = try (1...10).map { try SocketPeer(.publisher, media, control, room: $0) }
        let viewers = try (1...10).map { try SocketPeer(.viewer, media, control, room: $0) }
        let all = publishers + viewers
        #expect(connect(all))
        run(all, seconds: 5) { viewers.allSatisfy { $0.packets > 100 } }
        #expect(viewers.allSatisfy { $0.packets > 100 && $0.gaps == 0 && $0.missed == 0 })
        #expect(viewers.flatMap(\.received).allSatisfy { $0.decryptFailures == 0 && $0.duplicates == 0 })
        #expect(try control.snapshot().count == 20)
        let counters = try control.counters()
        #expect(counters["unknown_tuple"] == 0)
        #expect(counters["stun_unknown_ufrag"] == 0)
        #expect(counters["neighbour_overflow"] == 0)
        #expect(counters["packets_relayed"] == 0)
    }

    @Test func `viewers on another shard than their publisher's see all of it from a keyframe on`() throws {
        // Who waits is on a shard before the publisher is, which goes to the emptiest one.
        let viewers = try (0..<2).map { _ in try SocketPeer(.viewer, media, control) }
        #expect(connect(viewers))
        let publisher = try SocketPeer(.publisher, media, control)
        let all = viewers + [publisher]
        #expect(connect([publisher]))
        let havePicture = run(all, seconds: 5) { viewers.allSatisfy { hasPicture($0) } }
        #expect(havePicture)
        run(all, seconds: 2)
        #expect(viewers.allSatisfy { $0.gaps == 0 && $0.missed == 0 && $0.packets > 200 })
        #expect(viewers.flatMap(\.received).allSatisfy { $0.damagedPayloads == 0 })
        // Sender reports go by the timeline that comes with the packets.
        #expect(viewers.flatMap(\.received).allSatisfy { $0.senderReports > 0 })
        #expect(try control.counters()["packets_relayed"] ?? 0 > 200)

        // A later viewer of theirs makes them ask for a keyframe over there.
        let late = try SocketPeer(.viewer, media, control)
        #expect(connect([late]))
        let lateHasPicture = run(all + [late], seconds: 5) { hasPicture(late) }
        #expect(lateHasPicture)

        // The next publisher's pictures follow in the same session.
        publisher.leave()
        let isGone = run(viewers + [late], seconds: 5) {
            (try? control.snapshot().contains { $0.role == .publisher }) == false
        }
        #expect(isGone)
        let counts = viewers.map(\.packets)
        let next = try SocketPeer(.publisher, media, control)
        #expect(connect([next]))
        run(viewers + [late, next], seconds: 5) {
            zip(viewers, counts).allSatisfy { $0.packets > $1 + 100 }
        }
        #expect(zip(viewers, counts).allSatisfy { $0.packets > $1 + 100 })
        #expect(viewers.flatMap(\.received).allSatisfy { $0.decryptFailures == 0 && $0.duplicates == 0 })
    }

    @Test func `a port that another program has is refused, though shards share it among themselves`() throws
    {
        let second = try MediaProcess(
            ["SIGMA_SHARDS": "2", "UDP_PORT": String(media.port)], waits: false)
        let end = second.waitForEnd()
        #expect(end.status != 0)
        #expect(end.output.contains("UDP_PORT: port \(media.port) is in use by another program"))
    }
}
