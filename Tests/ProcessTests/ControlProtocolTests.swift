import Foundation
import Glibc
import SigmaControl
import SwiftProtobuf
import Testing

@Suite("sigma-media over its control socket")
struct ControlProtocolTests {
    private func openRequest(_ id: UInt8, room: UInt64 = 7, role: Role = .viewer) -> OpenSession {
        .with {
            $0.sessionID = Data(repeating: id, count: 16)
            $0.roomID = room
            $0.role = role
            $0.remoteUfrag = "abcd"
            $0.remotePassword = String(repeating: "p", count: 22)
            $0.fingerprints = [
                .with {
                    $0.hashFunction = .sha256
                    $0.digest = Data(repeating: 1, count: 32)
                }
            ]
            $0.dtlsRole = .server
            $0.cname = "name"
            $0.media = [
                .with {
                    $0.mid = "0"
                    $0.kind = .audio
                    $0.codec = .opus
                    $0.payloadType = 111
                    $0.clockRate = 48_000
                    $0.ssrcs = [UInt32(id) + 1]
                }
            ]
        }
    }

    private func connect(_ media: MediaProcess) throws -> ControlSocket {
        let socket = try ControlSocket(media)
        try socket.greet()
        return socket
    }

    @Test func `says at hello what signaling needs for an answer`() throws {
        let media = try MediaProcess(["SIGMA_ADVERTISE": "192.0.2.1:6000,2001:db8::1"])
        let hello = try ControlSocket(media).greet()
        #expect(hello.protocolVersion == 1 && hello.journalID.count == 16 && hello.newestEvent == 0)
        #expect(hello.udpPort == UInt32(media.port))
        #expect(hello.advertised.map(\.port) == [6000, UInt32(media.port)])
        #expect(hello.advertised.map(\.address.count) == [4, 16])
        #expect(hello.certificateFingerprints.map(\.digest.count) == [32])
    }

    @Test(arguments: [("::1", [16]), ("127.0.0.1", [4]), ("::", [])])
    func `offers the bound address where only that one is listened on`(address: String, lengths: [Int]) throws
    {
        let media = try MediaProcess(["UDP_ADDRESS": address])
        let hello = try ControlSocket(media).greet()
        #expect(hello.advertised.map(\.address.count) == lengths)
    }

    @Test func `opens, lists and closes a session, and tells of its end`() throws {
        let media = try MediaProcess()
        let socket = try connect(media)
        let opened = try socket.request { $0.openSession = openRequest(1) }.sessionOpened
        #expect(opened.localUfrag.utf8.count == 12 && opened.localPassword.utf8.count == 32)
        let items = try socket.snapshot()
        #expect(items.map(\.sessionID) == [Data(repeating: 1, count: 16)])
        #expect(items.map(\.state) == [.connecting] && items.map(\.roomID) == [7])

        let close = CloseSession.with {
            $0.sessionID = Data(repeating: 1, count: 16)
            $0.reason = .kicked
        }
        let done = try socket.request { $0.closeSession = close }
        #expect(done.body == .done(Done()))
        let again = try socket.request { $0.closeSession = close }
        #expect(again.failure.code == .notFound)
        #expect(try socket.snapshot().isEmpty)

        let reader = try ControlSocket(media)
        try reader.greet(from: EventPosition())
        let ended = try #require(try reader.events(1).first)
        #expect(ended.number == 1 && ended.ended.reason == .kicked)
        #expect(ended.sessionID == Data(repeating: 1, count: 16))
    }

    @Test func `replays events from the number that is asked for, to each client`() throws {
        let media = try MediaProcess()
        let socket = try connect(media)
        for id in 1...5 as ClosedRange<UInt8> {
            _ = try socket.request { $0.openSession = openRequest(id) }
            _ = try socket.request { $0.closeSession.sessionID = Data(repeating: id, count: 16) }
        }
        let first = try ControlSocket(media)
        let hello = try first.greet(from: EventPosition(), recorder: true)
        #expect(try first.events(5).map(\.number) == [1, 2, 3, 4, 5])
        try first.send(.with { $0.acknowledge.number = 5 })

        let second = try ControlSocket(media)
        try second.greet(
            from: .with {
                $0.journalID = hello.journalID
                $0.nextNumber = 4
            })
        #expect(try second.events(2).map(\.number) == [4, 5])
        // And on from there, as they happen.
        _ = try socket.request { $0.openSession = openRequest(9) }
        _ = try socket.request { $0.closeSession.sessionID = Data(repeating: 9, count: 16) }
        #expect(try second.events(1).map(\.number) == [6])
        #expect(try first.events(1).map(\.number) == [6])
    }

    @Test func `names the field that is wrong and changes nothing`() throws {
        let media = try MediaProcess()
        let socket = try connect(media)
        let cases: [(String, (inout OpenSession) -> Void)] = [
            ("session_id", { $0.sessionID = Data(count: 15) }),
            ("room_id", { $0.roomID = 0 }),
            ("room_id", { $0.roomID = 1 << 53 }),
            ("role", { $0.role = .unspecified }),
            ("dtls_role", { $0.dtlsRole = .unspecified }),
            ("remote_ufrag", { $0.remoteUfrag = "abc" }),
            ("remote_ufrag", { $0.remoteUfrag = String(repeating: "u", count: 257) }),
            ("fingerprints", { $0.fingerprints = [] }),
            ("fingerprints", { $0.fingerprints[0].digest = Data(count: 20) }),
            ("media", { $0.media = [] }),
            ("media", { $0.media = Array(repeating: $0.media[0], count: 5) }),
            ("mid", { $0.media[0].mid = String(repeating: "m", count: 17) }),
            ("payload_type", { $0.media[0].payloadType = 72 }),
            ("payload_type", { $0.media[0].payloadType = 300 }),
            ("media", { $0.media[0].clockRate = 0 }),
            ("media", { $0.media[0].clockRate = .max }),
            ("ssrcs", { $0.media[0].ssrcs = [] }),
            ("ssrcs", { $0.media.append($0.media[0]) }),
            ("cname", { $0.cname = String(repeating: "c", count: 65) }),
        ]
        for (field, damage) in cases {
            var request = openRequest(1)
            damage(&request)
            let failure = try socket.request { $0.openSession = request }.failure
            #expect(failure.code == .invalid && failure.detail == field)
        }
        #expect(try socket.snapshot().isEmpty)
    }

    @Test func `refuses a taken id, a second publisher, a full slab and, while draining, everyone`() throws {
        let media = try MediaProcess(["SIGMA_MAX_SESSIONS": "2"])
        let socket = try connect(media)
        func open(_ id: UInt8, role: Role = .viewer) throws -> FailureCode {
            try socket.request { $0.openSession = openRequest(id, role: role) }.failure.code
        }
        #expect(try open(1, role: .publisher) == .unspecified)
        #expect(try open(1) == .exists)
        #expect(try open(2, role: .publisher) == .roomOccupied)
        #expect(try open(3) == .unspecified)
        #expect(try open(4) == .full)
        _ = try socket.request { $0.drain.enabled = true }
        #expect(try open(5) == .draining)
        #expect(try socket.snapshot().count == 2)
    }

    @Test func `a message of a newer version is answered, not punished`() throws {
        let media = try MediaProcess()
        let socket = try connect(media)
        #expect(try socket.request { _ in }.failure.code == .unsupported)
        #expect(try socket.snapshot().isEmpty)
    }

    @Test(
        arguments: [
            [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 1, 0, 1], [0, 0, 0, 3, 0xFF, 0xFF, 0xFF],
        ] as [[UInt8]])
    func `a broken frame ends that connection only`(octets: [UInt8]) throws {
        let media = try MediaProcess()
        let good = try connect(media)
        let bad = try connect(media)
        bad.send(octets: octets)
        #expect(bad.isClosedByPeer())
        #expect(try good.snapshot().isEmpty)
    }

    @Test func `hears nothing before hello, and hello only once`() throws {
        let media = try MediaProcess()
        let rude = try ControlSocket(media)
        try rude.send(.with { $0.snapshot = SnapshotRequest() })
        #expect(rude.isClosedByPeer())
        let twice = try connect(media)
        try twice.send(.with { $0.hello.protocolVersion = 1 })
        #expect(twice.isClosedByPeer())
        let tooNew = try ControlSocket(media)
        try tooNew.send(.with { $0.hello.protocolVersion = 99 })
        #expect(tooNew.isClosedByPeer())
    }

    @Test func `a client that never reads is let go, and the others go on`() throws {
        let media = try MediaProcess()
        let slow = try connect(media)
        let good = try connect(media)
        for id in 1...200 as ClosedRange<UInt8> {
            _ = try good.request { $0.openSession = openRequest(id, room: UInt64(id)) }
        }
        // 2000 snapshots of 200 sessions are far above 4 MiB.
        for request in 1...2_000 as ClosedRange<UInt64> {
            try slow.send(
                .with {
                    $0.requestID = request
                    $0.snapshot = SnapshotRequest()
                })
        }
        #expect(try good.snapshot().count == 200)
        #expect(slow.isClosedByPeer())
    }
}

@Suite("sigma-media starting and ending")
struct MediaLifecycleTests {
    @Test func `ends in order at SIGTERM`() throws {
        let media = try MediaProcess()
        #expect(media.end(with: SIGTERM) == 0)
    }

    @Test func `takes the socket of a killed process, with a new journal`() throws {
        let first = try MediaProcess()
        let before = try ControlSocket(first).greet()
        _ = first.end(with: SIGKILL)
        let second = try MediaProcess(folder: first.folder)
        let after = try ControlSocket(second).greet()
        #expect(after.journalID != before.journalID && after.newestEvent == 0)
    }

    @Test func `a second one on the same socket says so in one line`() throws {
        let first = try MediaProcess()
        let second = try MediaProcess(folder: first.folder, waits: false)
        let end = second.waitForEnd()
        #expect(end.status == 1)
        #expect(end.output.split(separator: "\n").count == 1 && end.output.contains("SIGMA_RUNTIME_DIR"))
        #expect(try ControlSocket(first).greet().protocolVersion == 1)
    }

    @Test(arguments: [
        ("UDP_PORT", "70000"), ("UDP_ADDRESS", "example.org"), ("SIGMA_ADVERTISE", "1.2.3"),
        ("SIGMA_MAX_SESSIONS", "0"), ("CERTS_DIR", "/nonexistent"), ("SIGMA_RUNTIME_DIR", "/nonexistent"),
    ])
    func `an operator's mistake is one line that names the variable`(name: String, value: String) throws {
        let media = try MediaProcess([name: value], waits: false)
        let end = media.waitForEnd()
        #expect(end.status == 1)
        #expect(end.output.split(separator: "\n").count == 1 && end.output.contains("\(name):"))
    }
}
