import Foundation
import Glibc
import SigmaControl
import SigmaPeer
import SwiftProtobuf
import Testing

@Suite("sigma-media: what it keeps for the audit of signaling")
struct AuditTests {
    private func anchor(_ sequence: UInt64, _ octet: UInt8 = 5, reset: Bool = false) -> Anchor {
        .with {
            $0.sequence = sequence
            $0.hash = Data(repeating: octet, count: 32)
            $0.reset = reset
        }
    }

    private func greeted(_ media: MediaProcess) throws -> ControlSocket {
        let socket = try ControlSocket(media)
        try socket.greet()
        return socket
    }

    @Test func `tells the newest anchor to who connects, and none before there is one`() throws {
        let media = try MediaProcess()
        let socket = try ControlSocket(media)
        #expect(try !socket.greet().hasAnchor)
        #expect(try socket.request { $0.anchor = anchor(3) }.body == .done(Done()))
        #expect(try socket.request { $0.anchor = anchor(9) }.body == .done(Done()))
        #expect(try ControlSocket(media).greet().anchor == anchor(9))
    }

    @Test func `a chain that goes back is refused, unless it says that it begins anew`() throws {
        let media = try MediaProcess()
        let socket = try greeted(media)
        func answer(_ anchor: Anchor) throws -> String {
            let message = try socket.request { $0.anchor = anchor }
            if case .failure(let failure)? = message.body { return "\(failure.code) \(failure.detail)" }
            return message.body == .done(Done()) ? "done" : "other"
        }
        #expect(try answer(anchor(7)) == "done")
        #expect(try answer(anchor(7)) == "done")
        #expect(try answer(anchor(6)) == "invalid sequence")
        #expect(try answer(anchor(7, 6)) == "invalid hash")
        #expect(try answer(.with { $0.sequence = 8 }) == "invalid hash")
        #expect(try ControlSocket(media).greet().anchor == anchor(7))
        #expect(try answer(anchor(1, 6, reset: true)) == "done")
        #expect(try answer(anchor(2)) == "done")
        // Each that moved it stands in the journal, once.
        let reader = try ControlSocket(media)
        try reader.greet(from: EventPosition())
        #expect(try reader.events(3).map(\.anchored.sequence) == [7, 1, 2])
        #expect(try ControlSocket(media).greet().newestEvent == 3)
    }

    @Test func `its log names the head once a minute, and at the end`() throws {
        let media = try MediaProcess()
        let socket = try greeted(media)
        for sequence in 1...20 as ClosedRange<UInt64> {
            _ = try socket.request { $0.anchor = anchor(sequence) }
        }
        _ = kill(media.processID, SIGTERM)
        let lines = media.waitForEnd().output.split(separator: "\n").filter { $0.contains("audit head") }
        let hash = String(repeating: "05", count: 32)
        #expect(lines == ["audit head 1 \(hash)", "audit head 20 \(hash)"])
    }

    @Test func `who asked for an end stands beside its reason`() throws {
        let media = try MediaProcess()
        let socket = try greeted(media)
        let peers = try (0..<2).map { _ in try SocketPeer(.viewer, media, socket) }
        let ids = try socket.snapshot().map(\.sessionID)
        #expect(ids.count == peers.count)
        for (id, reason) in zip(ids, [EndReason.kicked, .requested]) {
            _ = try socket.request {
                $0.closeSession.sessionID = id
                $0.closeSession.reason = reason
            }
        }
        let reader = try ControlSocket(media)
        try reader.greet(from: EventPosition())
        let ends = try reader.events(2).map(\.ended)
        #expect(ends.map(\.reason) == [.kicked, .requested])
        #expect(ends.allSatisfy { $0.hasClosedBy && $0.closedBy == getuid() })
    }

    @Test func `what ends by itself was closed by nobody`() throws {
        let media = try MediaProcess()
        let socket = try greeted(media)
        let viewer = try SocketPeer(.viewer, media, socket)
        #expect(connect([viewer]))
        let reader = try ControlSocket(media)
        try reader.greet(from: EventPosition())
        #expect(try reader.events(1).map(\.body) == [.connected(Connected())])
        viewer.leave()
        let ended = try #require(try reader.events(1).first)
        #expect(ended.ended.reason == .peerClosed && !ended.ended.hasClosedBy)
    }
}
