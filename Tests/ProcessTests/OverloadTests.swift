import Foundation
import SigmaControl
import SigmaPeer
import SigmaSystem
import SwiftProtobuf
import Testing

@Suite("Overload", .serialized)
struct OverloadTests {
    private func open(_ role: Role, _ control: ControlSocket) throws -> FailureCode {
        try control.request {
            $0.openSession = .with {
                $0.sessionID = Data((0..<16).map { _ in UInt8.random(in: 0...255) })
                $0.roomID = 2
                $0.role = role
                $0.remoteUfrag = "abcd"
                $0.remotePassword = "abcdefghijklmnopqrstuv"
                $0.fingerprints = [
                    .with {
                        $0.hashFunction = .sha256
                        $0.digest = Data(repeating: 1, count: 32)
                    }
                ]
                $0.dtlsRole = .server
                $0.media = [
                    .with {
                        $0.mid = "0"
                        $0.kind = .video
                        $0.codec = .h264
                        $0.payloadType = 96
                        $0.clockRate = 90_000
                        $0.ssrcs = [7]
                    }
                ]
                $0.cname = "server"
            }
        }.failure.code
    }

    @Test func `a busy loop refuses viewers, goes on with those it has, and takes more afterwards`() throws {
        let media = try MediaProcess(["SIGMA_SHARDS": "1", "SIGMA_CPU_LIMIT": "10"])
        let control = try ControlSocket(media)
        try control.greet()
        let watched = try [PeerRole.publisher, .viewer, .viewer].map { try SocketPeer($0, media, control) }
        #expect(connect(watched))
        run(watched, seconds: 2)
        #expect(try open(.viewer, control) == .unspecified)

        // What is no protocol of ours costs the loop its reading alone.
        let stranger = try LocalPort()
        let junk = [UInt8](repeating: 0xFF, count: 40)
        var answers: Set<FailureCode> = []
        let end = SystemClock.monotonic() + 3_000_000_000
        run(watched, seconds: 10) {
            for _ in 0..<300 { stranger.send(junk, to: media.address) }
            if let answer = try? open(.viewer, control) { answers.insert(answer) }
            return SystemClock.monotonic() >= end
        }
        let counters = try control.counters()
        #expect(answers.contains(.overloaded))
        #expect((counters["refused_overloaded"] ?? 0) > 0)
        #expect(counters["load_pressure_percent"] != nil)
        let viewers = watched.dropFirst()
        #expect(viewers.allSatisfy { $0.peer.state == .connected && $0.gaps == 0 && $0.packets > 100 })

        let isTakenAgain = run(watched, seconds: 10) { (try? open(.viewer, control)) == .unspecified }
        #expect(isTakenAgain)
    }
}
