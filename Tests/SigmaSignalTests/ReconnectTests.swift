import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import SigmaControl
import SigmaSettings
import SigmaSignal
import SigmaSystem
import Testing

@Suite("Media and signal come and go")
struct ReconnectTests {
    static func item(_ octet: UInt8, _ role: Role, room: UInt64, _ state: SessionState = .connected)
        -> SessionItem
    {
        message {
            $0.sessionID = Data(repeating: octet, count: 16)
            $0.roomID = room
            $0.role = role
            $0.state = state
            $0.live = role == .publisher
            $0.openedAt = UInt64(octet)
        }
    }

    @Test func `without media, requests are 503 with Retry-After`() async throws {
        try await TestServer.with(nil) { server in
            for response in [
                try await server.publish(), try await server.watch("/whep/nobody"),
                try await server.watch("/whep?target_id=1"),
            ] {
                #expect(response.status == .serviceUnavailable)
                #expect(response.header("Retry-After") == "1")
                #expect(response.problem == "media-unavailable")
            }
            let health = try await server.send(.get, "/health")
            #expect(health.status == .serviceUnavailable)
            #expect(health.text.hasPrefix(#"{"media":{"connected":false},"status":"unavailable""#))
        }
    }

    @Test func `health names the media program`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let health = try await server.send(.get, "/health")
            let expected =
                #"{"media":{"connected":true,"program":"test-media 1"},"status":"ok","#
                + #""storage":{"history_is_anchored":true,"working":true}}"#
            #expect(health.text == expected)
        }
    }

    @Test func `a restarted signal adopts what media serves`() async throws {
        let name = try #require(RoomName("studio"))
        let number = RoomID(of: name).number
        let media = TestMedia(sessions: [
            Self.item(1, .viewer, room: number), Self.item(2, .publisher, room: number),
            Self.item(3, .viewer, room: number, .disconnected), Self.item(4, .viewer, room: 77),
        ])
        try await TestServer.with(media) { server in
            let room = try #require(try await server.rooms().first)
            #expect(room.id == number)
            #expect(room.viewer_count == 1)
            #expect(room.live == true)
            #expect(room.name == nil)
            // The viewer without a room is nobody's.
            try await eventually("orphan closed") {
                await media.sessions[Data(repeating: 4, count: 16)] == nil
            }
            #expect(await media.closed.map(\.reason) == [.signalingLost])
            // The name is learnt from who asks for it.
            #expect(try await server.watch("/whep/studio").status == .created)
            #expect(try await server.rooms().first?.name == "studio")
            // The one that would take the room over has it when the other goes.
            let successor = try await server.publish("/whip/studio")
            #expect(successor.status == .created)
            let session = "/session/" + String(repeating: "02", count: 16)
            #expect(try await server.send(.delete, session).status == .ok)
            #expect(try await server.rooms().first?.name == "studio")
            #expect(try await server.send(.delete, #require(successor.header("Location"))).status == .ok)
            #expect(try await server.rooms().isEmpty)
        }
    }

    @Test func `what a restarted media lacks has ended`() async throws {
        try await TestServer.with(nil) { server in
            try await server.with(media: TestMedia(journal: 1)) { () async throws in
                #expect(try await server.publish("/whip/studio").status == .created)
                #expect(try await server.rooms().count == 1)
            }
            // Belief stays while nobody can say.
            #expect(try await server.rooms().count == 1)
            try await server.with(media: TestMedia(journal: 2)) { () async throws in
                #expect(try await server.rooms().isEmpty)
                #expect(try await server.publish("/whip/studio").status == .created)
            }
        }
    }

    @Test func `events go on where they ended, each applied once`() async throws {
        let media = TestMedia()
        try await TestServer.with(nil) { server in
            try await server.with(media: media) { () async throws in
                _ = try await server.publish("/whip/studio")
                _ = try await server.watch("/whep/studio")
                let viewer = try #require(await media.sessions.values.first { $0.role == .viewer })
                await media.emit(viewer, .connected(Connected()))
                try await eventually("counted") { try await server.rooms().first?.viewer_count == 1 }
                await media.configure { $0.sessions[viewer.sessionID]?.state = .connected }
            }
            try await server.with(media: media) { () async throws in
                let hellos = await media.hellos
                #expect(hellos.map(\.recorder) == [true, true])
                #expect(hellos.map(\.eventsFrom.nextNumber) == [0, 2])
                #expect(hellos.last?.eventsFrom.journalID == Data(repeating: 1, count: 16))
                #expect(try await server.rooms().first?.viewer_count == 1)
            }
        }
    }

    @Test func `a media that breaks the protocol is left and tried again`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            await media.babble([0xff, 0xff, 0xff, 0xff])
            try await eventually("a new hello") { await media.hellos.count == 2 }
            try await eventually("connected again") { try await server.send(.get, "/health").status == .ok }
        }
    }

    @Test func `a request that media does not answer is 503 and its session closed when media speaks`()
        async throws
    {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            await media.configure { $0.isSilent = true }
            let response = try await server.publish("/whip/studio")
            #expect(response.status == .serviceUnavailable)
            #expect(try await server.rooms().isEmpty)
            await media.speak()
            try await eventually("closed") { await media.isEmptied }
        }
    }

    @Test(arguments: [(true, false), (false, true)])
    func `a media that says no hello, or ends no snapshot, is left after 5 s and tried again`(
        hello: Bool, snapshot: Bool
    ) async throws {
        let media = TestMedia()
        await media.configure { $0.isMute = (hello, snapshot) }
        try await TestServer.with(nil) { server in
            let serving = Task { try await media.serve(path: server.directory.path + "/control.sock") }
            try await eventually("another connection, and ready") {
                try await server.send(.get, "/health").status == .ok
            }
            #expect(await media.connectionCount == 2)
            serving.cancel()
            _ = await serving.result
        }
    }

    @Test func `a publisher that left before its answer leaves no session behind`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            await media.configure { $0.isSilent = true }
            try await server.sendAndLeave(
                "POST /whip/studio HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(TestServer.token)\r\n"
                    + "Content-Type: application/sdp\r\nContent-Length: \(Offers.publisher.utf8.count)\r\n\r\n"
                    + Offers.publisher)
            try await eventually("media was asked") { await media.withheldCount == 1 }
            try await Task.sleep(for: .milliseconds(100))
            await media.speak()
            try await eventually("closed") { await media.isEmptied }
            #expect(try await server.publish("/whip/studio").status == .created)
        }
    }

    @Test func `after a restart of signal new credentials are still no trickle (RFC 9725 §4.3.1)`()
        async throws
    {
        let media = TestMedia(sessions: [Self.item(2, .publisher, room: 5)])
        try await TestServer.with(media) { server in
            let location = "/session/" + String(repeating: "02", count: 16)
            let fragment = ["Content-Type": "application/trickle-ice-sdpfrag"]
            let restart = "a=ice-ufrag:neww\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
            let answer = try await server.send(.patch, location, fragment, body: restart)
            #expect(answer.problem == "ice-restart-unsupported")
            let end = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n"
            #expect(try await server.send(.patch, location, fragment, body: end).status == .noContent)
        }
    }

    @Test func `stopping finishes accepted requests and takes no others`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            await media.configure { $0.isSilent = true }
            async let accepted = server.publish("/whip/studio")
            try await eventually("media was asked") { await media.withheldCount == 1 }
            server.server.stop()
            try await eventually("no longer listening") { (try? await server.send(.get, "/health")) == nil }
            await media.speak()
            #expect(try await accepted.status == .created)
        }
    }

    @Test func `a port in use stops the start with one line`() async throws {
        try await TestServer.with(nil) { server in
            let settings = try SignalSettings(environment: ["WHIP_TOKEN": TestServer.token])
            let second = SignalServer(
                settings: settings, inherited: InheritedDescriptors(environment: [:]),
                logger: .init(label: "test"))
            let loopback = try #require(IPAddress(parsing: "127.0.0.1"))
            do throws(StartError) {
                try await second.listen(on: .address(loopback, port: UInt16(server.port)))
                Issue.record("listens")
            } catch {
                #expect(
                    error.description
                        == "TCP_PORT: port \(server.port) on 127.0.0.1 is in use; set TCP_PORT to a free one")
            }
        }
    }
}
