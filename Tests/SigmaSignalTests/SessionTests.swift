import HTTPTypes
import HummingbirdTesting
import SigmaControl
import Testing

@Suite("Session URLs: RFC 9725 §4.2, §4.3")
struct SessionTests {
    private static let fragment = ["Content-Type": "application/trickle-ice-sdpfrag"]

    @Test func `DELETE ends the session with 200, the second with 404`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            let location = try #require(try await server.publish().header("Location"))
            _ = try await server.watch("/whep/\(try #require(try await server.rooms().first).id)")
            #expect(try await server.send(.delete, location, ["If-Match": "\"other\""]).status == .ok)
            let second = try await server.send(.delete, location)
            #expect(second.status == .notFound)
            #expect(second.problem == "unknown-session")
            #expect(try await server.rooms().isEmpty)
            try await eventually("media holds nothing") { await media.sessions.isEmpty }
            #expect(await media.closed.first?.reason == .requested)
        }
    }

    @Test func `GET and HEAD are 204 while the session lives`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let location = try #require(try await server.publish().header("Location"))
            for method in [HTTPRequest.Method.get, .head] {
                let response = try await server.send(method, location)
                #expect(response.status == .noContent)
                #expect(response.text.isEmpty)
            }
        }
    }

    @Test(arguments: [
        "/session/", "/session/abc", "/session/00000000000000000000000000000000", "/session/../whip",
    ])
    func `what is no session is 404`(path: String) async throws {
        try await TestServer.with(TestMedia()) { server async throws in
            for method in [HTTPRequest.Method.get, .delete, .patch] {
                #expect(try await server.send(method, path, Self.fragment, body: "x").status == .notFound)
            }
        }
    }

    @Test func `trickled candidates are accepted without effect (RFC 9725 §4.3.2)`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let response = try await server.publish()
            let location = try #require(response.header("Location"))
            let tag = try #require(response.header("ETag"))
            let candidates = """
                a=ice-ufrag:s20O\r
                a=ice-pwd:brPNvtsdJjINFYKk8pbVgo\r
                m=audio 9 RTP/AVP 0\r
                a=mid:0\r
                a=candidate:1 1 UDP 1 something.local 9 typ host\r
                a=end-of-candidates\r

                """
            for match in [nil, tag] {
                var headers = Self.fragment
                headers["If-Match"] = match
                let answer = try await server.send(.patch, location, headers, body: candidates)
                #expect(answer.status == .noContent)
                #expect(answer.text.isEmpty)
                #expect(answer.header("ETag") == nil)
            }
            var headers = Self.fragment
            headers["If-Match"] = "\"stale\""
            let stale = try await server.send(.patch, location, headers, body: candidates)
            #expect(stale.status == .preconditionFailed)
            #expect(stale.problem == "entity-tag-stale")
        }
    }

    @Test func `an ICE restart is refused with 422 (RFC 9725 §4.3.1)`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let location = try #require(try await server.publish().header("Location"))
            let restart = "a=ice-ufrag:neww\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\n"
            for match in ["*", nil] {
                var headers = Self.fragment
                headers["If-Match"] = match
                let answer = try await server.send(.patch, location, headers, body: restart)
                #expect(answer.status.code == 422)
                #expect(answer.problem == "ice-restart-unsupported")
            }
        }
    }

    @Test(arguments: [
        (["Content-Type": "application/sdp"], "a=end-of-candidates\r\n", 415),
        ([:], "a=end-of-candidates\r\n", 415), (Self.fragment, "", 400), (Self.fragment, "hello", 400),
        (Self.fragment, "a=ice-ufrag:s20O\r\n", 400),
        (Self.fragment, String(repeating: "a", count: 70_000), 413),
    ])
    func `a PATCH of another type or malformed is refused`(
        headers: [String: String], body: String, status: Int
    ) async throws {
        try await TestServer.with(TestMedia()) { server in
            let location = try #require(try await server.publish().header("Location"))
            let answer = try await server.send(.patch, location, headers, body: body)
            #expect(answer.status.code == status)
            #expect(answer.problem != nil)
        }
    }
}
