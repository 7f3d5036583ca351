import SigmaControl
import SigmaPeer
import Testing

/// One publisher after the other in a room whose viewers stay, with real sockets on several shards.
@Suite("Succession: viewers wait for publishers, publishers for each other", .serialized)
struct SuccessionTests {
    private let media: MediaProcess
    private let control: ControlSocket
    private let events: ControlSocket

    init() throws {
        media = try MediaProcess(["SIGMA_SHARDS": "3"])
        control = try ControlSocket(media)
        try control.greet()
        events = try ControlSocket(media)
        try events.greet(from: EventPosition())
    }

    /// The next event that `choose` wants something of.
    private func next<Wanted>(_ choose: (Event) -> Wanted?) throws -> Wanted {
        while true {
            if let event = try events.events(1).first, let wanted = choose(event) { return wanted }
        }
    }

    private func publishers() throws -> [SessionItem] {
        try control.snapshot().filter { $0.role == .publisher }
    }

    @Test func `viewers that wait see each publisher that comes, with numbers and times going on`() throws {
        let viewers = try (0..<6).map { _ in try SocketPeer(.viewer, media, control) }
        #expect(connect(viewers))
        run(viewers, seconds: 1)
        #expect(viewers.allSatisfy { $0.packets == 0 })
        for round in 1...3 {
            let publisher = try SocketPeer(.publisher, media, control)
            #expect(connect([publisher]))
            let counts = viewers.map(\.packets)
            let hasMedia = run(viewers + [publisher], seconds: 8) {
                zip(viewers, counts).allSatisfy { $0.packets > $1 + 250 }
            }
            #expect(hasMedia, "publisher \(round)")
            let item = try #require(try publishers().first)
            #expect(item.hasHasRoom_p && item.hasRoom_p && item.live)
            let video = try #require(item.tracks.first { $0.kind == .video })
            #expect(video.codec == .h264 && video.width == 1280 && video.height == 720)
            publisher.leave()
            let totals = try next { event in
                if case .ended(let ended)? = event.body, event.role == .publisher { ended } else { nil }
            }
            #expect(totals.reason == .peerClosed && totals.packetsReceived > 250)
            run(viewers, seconds: 3)
        }
        let received = viewers.flatMap(\.received)
        // A picture and a sound each, whoever sends.
        #expect(received.count == 12)
        #expect(received.allSatisfy { $0.gaps == 0 && $0.duplicates == 0 && $0.timestampsBackwards == 0 })
        #expect(received.allSatisfy { $0.decryptFailures == 0 && $0.damagedPayloads == 0 && !$0.isGone })
        #expect(try control.snapshot().count { $0.state == .connected } == 6)
    }

    @Test func `who takes over from one that is silent has the room before it is connected`() throws {
        let old = try SocketPeer(.publisher, media, control)
        let viewer = try SocketPeer(.viewer, media, control)
        #expect(connect([old, viewer]))
        let hasMedia = run([old, viewer], seconds: 5) { viewer.packets > 100 }
        #expect(hasMedia)
        let before = try #require(try publishers().first?.sessionID)
        // The old one is not run any more.
        run([viewer], seconds: 2.3)
        let new = try SocketPeer(.publisher, media, control, takesOver: true)
        let items = try publishers()
        #expect(items.count == 1 && items.allSatisfy { $0.sessionID != before && $0.hasRoom_p })
        #expect(items.first?.state == .connecting)
        let (id, reason) = try next { event in
            if case .ended(let ended)? = event.body { (event.sessionID, ended.reason) } else { nil }
        }
        #expect(id == before && reason == .replaced)
        #expect(connect([new]))
        let count = viewer.packets
        let goesOn = run([new, viewer], seconds: 5) { viewer.packets > count + 100 }
        #expect(goesOn && viewer.gaps == 0)
        // The goodbye has waited for it.
        old.step()
        #expect(old.peer.state == .closed)
    }
}
