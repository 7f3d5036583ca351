import Foundation
import HTTPTypes
import HummingbirdTesting
import SigmaControl
import SigmaStore
import Testing

@Suite("The admin API")
struct APITests {
    private struct Room: Decodable {
        let id: UInt64
        let name: String
        let title: String
        let has_publish_key: Bool
        let protected: Bool
        let viewer_count: Int
        var publisher: Int64?
        var publish_key: String?
        var watch_key: String?
    }

    private struct Key: Decodable { let key: String }

    private struct Sessions: Decodable {
        struct Session: Decodable {
            struct Client: Decodable {
                let address: String
                let user_agent: String
            }
            let number: Int64
            let role: String
            var reason: String?
            var ended_at: Int64?
            var client: Client?
        }
        let sessions: [Session]
    }

    private func decode<Value: Decodable>(_ text: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }

    @Test func `it wants its own token, and everybody gets none of it`() async throws {
        try await TestServer.with(TestMedia()) { server in
            for token in [nil, "wrong", TestServer.token] {
                let refused = try await server.administer(.get, "/api/v1/sessions", token: token)
                #expect((refused.status, refused.problem) == (.unauthorized, "admin-token-needed"))
            }
            #expect(try await server.administer(.get, "/api/v1/sessions").status == .ok)
            for path in ["/api/v1/sessions", "/api/v1/history", "/api/v1/rooms/a/publish-key"] {
                #expect(try await server.send(.get, path).problem == "not-found")
            }
            let attempt = try await server.send(
                .post, "/api/v1/rooms", ["Authorization": "Bearer \(TestServer.adminToken)"], body: "{}")
            #expect(attempt.status == .methodNotAllowed)
        }
    }

    @Test func `a room is made with keys that are shown once, and they are what publishes and watches`()
        async throws
    {
        try await TestServer.with(TestMedia()) { server in
            let made = try await server.administer(
                .post, "/api/v1/rooms",
                json: #"{"name":"studio","title":"Ä","publish_key":true,"watch_key":true}"#)
            #expect(made.status == .created)
            let room: Room = try decode(made.text)
            #expect(made.header("Location") == "/api/v1/rooms/\(room.id)")
            #expect(
                (room.name, room.title, room.has_publish_key, room.protected) == ("studio", "Ä", true, true))
            let shown = try await server.administer(.get, "/api/v1/rooms/studio").text
            let (publishKey, watchKey) = (try #require(room.publish_key), try #require(room.watch_key))
            #expect(!shown.contains(publishKey) && !shown.contains(watchKey))

            #expect(try await server.publish("/whip/studio").problem == "unauthorized")
            let sdp = ["Content-Type": "application/sdp", "Authorization": "Bearer \(publishKey)"]
            #expect(
                try await server.send(.post, "/whip/studio", sdp, body: Offers.publisher).status == .created)
            #expect(try await server.watch("/whep/studio").problem == "watch-key-needed")
            #expect(try await server.watch("/whep/studio?key=\(publishKey)").problem == "watch-key-needed")
            #expect(try await server.watch("/whep/studio?key=\(watchKey)").status == .created)

            let rotated: Key = try decode(
                try await server.administer(.post, "/api/v1/rooms/studio/publish-key").text)
            #expect(
                try await server.send(.post, "/whip/studio", sdp, body: Offers.publisher).status
                    == .unauthorized)
            #expect(rotated.key != publishKey)
            #expect(
                try await server.administer(.delete, "/api/v1/rooms/studio/watch-key").status == .noContent)
            #expect(try await server.watch("/whep/studio").status == .created)
            let database = try Data(contentsOf: server.directory.appending(path: "sigma.sqlite-wal"))
            for key in [publishKey, watchKey, rotated.key] {
                #expect(database.range(of: Data(key.utf8)) == nil)
            }
        }
    }

    @Test(arguments: [
        (#"{"name":"Studio"}"#, "room-name-invalid"), (#"{"title":"\u0007"}"#, "title-invalid"),
        (#"{"publish_key":"short"}"#, "key-invalid"), (#"{"name":1}"#, "json-malformed"),
        ("[", "json-malformed"),
    ])
    func `what is no room is 400`(json: String, problem: String) async throws {
        try await TestServer.with(TestMedia()) { server in
            let refused = try await server.administer(.post, "/api/v1/rooms", json: json)
            #expect((refused.status, refused.problem) == (.badRequest, problem))
        }
    }

    @Test func `a room of a name is there once, until it is ended with all that are in it`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            #expect(try await server.publish("/whip/studio").status == .created)
            #expect(try await server.watch("/whep/studio").status == .created)
            #expect(
                try await server.administer(.post, "/api/v1/rooms", json: #"{"name":"studio"}"#).problem
                    == "room-exists")
            #expect(try await server.administer(.delete, "/api/v1/rooms/studio").status == .noContent)
            try await eventually("all closed") { await media.sessions.isEmpty }
            #expect(await media.closed.map(\.reason) == [.kicked, .kicked])
            #expect(try await server.administer(.get, "/api/v1/rooms/studio").problem == "unknown-room")
            #expect(
                try await server.administer(.post, "/api/v1/rooms", json: #"{"name":"studio"}"#).status
                    == .created)
        }
    }

    @Test func `a session is known by its number, kicked by it, and its client is forgotten`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            #expect(try await server.publish("/whip/studio").status == .created)
            let location = try #require(try await server.watch("/whep/studio").header("Location"))
            let open: Sessions = try decode(
                try await server.administer(.get, "/api/v1/sessions?room=studio&open=true").text)
            #expect(open.sessions.map(\.role) == ["viewer", "publisher"])
            let viewer = try #require(open.sessions.first).number
            let shown = try await server.administer(.get, "/api/v1/sessions/\(viewer)").text
            let session: Sessions.Session = try decode(shown)
            #expect(session.client?.address == "127.0.0.1")
            #expect(!shown.contains(location.dropFirst("/session/".count)))

            #expect(try await server.administer(.delete, "/api/v1/sessions/\(viewer)").status == .noContent)
            #expect(await media.closed.last?.reason == .kicked)
            let ended: Sessions.Session = try decode(
                try await server.administer(.get, "/api/v1/sessions/\(viewer)").text)
            #expect(ended.reason == "kicked" && ended.ended_at != nil)
            #expect(
                try await server.administer(.delete, "/api/v1/sessions/\(viewer)").problem
                    == "unknown-session")
            #expect(
                try await server.administer(.delete, "/api/v1/sessions/\(viewer)/client").status == .noContent
            )
            #expect(
                !(try await server.administer(.get, "/api/v1/sessions/\(viewer)").text.contains("127.0.0.1")))

            let reader = try StoreReader(path: server.directory.appending(path: "sigma.sqlite").path)
            var filter = HistoryFilter()
            filter.session = viewer
            var kinds: [String] = []
            try reader.history(filter) { kinds.append($0.kind) }
            #expect(kinds == ["viewer_joined", "kicked", "viewer_left", "client_erased"])
            #expect(try reader.verify(anchors: []).fault == nil)
        }
    }

    @Test func `what is no parameter is 400`() async throws {
        try await TestServer.with(TestMedia()) { server in
            for query in ["limit=0", "limit=1001", "after=-1", "after=x", "reverse=perhaps"] {
                let refused = try await server.administer(.get, "/api/v1/history?\(query)")
                #expect(refused.problem == "parameter-invalid", "\(query)")
            }
        }
    }

    @Test func `the socket file is the operator's without a token, and nobody else's`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let path = server.directory.appending(path: "admin.sock").path
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }
}
