import SigmaPeer
import Testing

@Suite("Roaming in mid-stream: a new port, checked and nominated (RFC 8445 §8.1.1)", .serialized)
struct RoamingTests {
    let media: MediaProcess
    let control: ControlSocket
    let publisher: SocketPeer
    let viewer: SocketPeer

    init() throws {
        media = try MediaProcess()
        control = try ControlSocket(media)
        try control.greet()
        publisher = try SocketPeer(.publisher, media, control)
        viewer = try SocketPeer(.viewer, media, control)
        let isConnected = connect([publisher, viewer])
        try #require(isConnected)
        let viewer = viewer
        let hasPicture = run([publisher, viewer], seconds: 5) {
            viewer.events.contains { if case .firstFrame = $0 { true } else { false } }
        }
        try #require(hasPicture)
    }

    private func move(_ peer: SocketPeer, times: Int, isSudden: Bool) throws {
        for _ in 0..<times {
            try peer.move(isSudden: isSudden)
            run([publisher, viewer], seconds: 0.3)
        }
    }

    private func selected(_ peer: SocketPeer) -> Int {
        peer.events.count { if case .pathSelected = $0 { true } else { false } }
    }

    @Test(arguments: [true, false]) func `nothing is lost while the former port still listens`(ofViewer: Bool)
        throws
    {
        let peer = ofViewer ? viewer : publisher
        try move(peer, times: 5, isSudden: false)
        for _ in 0..<6 {
            peer.moveBack()
            run([publisher, viewer], seconds: 0.2)
        }
        #expect(selected(peer) == 12)
        #expect(viewer.gaps == 0 && viewer.missed == 0)
        #expect(viewer.received.allSatisfy { $0.duplicates == 0 && $0.decryptFailures == 0 })
        #expect(viewer.packets > 300)
        #expect(try control.counters()["unknown_tuple"] == 0)
    }

    @Test(arguments: [true, false]) func `a port that is gone at once costs the switch alone`(ofViewer: Bool)
        throws
    {
        let peer = ofViewer ? viewer : publisher
        try move(peer, times: 5, isSudden: true)
        let lost = viewer.missed
        // A round trip each, which on loopback is at most a picture.
        #expect(lost <= 5 * 10)
        run([publisher, viewer], seconds: 1)
        #expect(viewer.missed == lost)
        #expect(publisher.peer.state == .connected && viewer.peer.state == .connected)
        #expect(viewer.received.allSatisfy { $0.decryptFailures == 0 && $0.damagedPayloads == 0 })
    }

    @Test func `both at once find each other again`() throws {
        for _ in 0..<3 {
            try publisher.move(isSudden: true)
            try viewer.move(isSudden: true)
            run([publisher, viewer], seconds: 0.3)
        }
        let (packets, missed) = (viewer.packets, viewer.missed)
        run([publisher, viewer], seconds: 1)
        #expect(viewer.packets > packets + 50)
        #expect(viewer.missed == missed)
    }
}
