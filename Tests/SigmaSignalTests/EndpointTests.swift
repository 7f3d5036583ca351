import HTTPTypes
import HummingbirdTesting
import SigmaSignal
import Testing

@Suite("Methods, CORS and pages")
struct EndpointTests {
    @Test func `GET and HEAD of endpoints have no body (RFC 9725 §4.1)`() async throws {
        try await TestServer.with(nil) { server in
            for path in ["/whip", "/whip/studio", "/whep", "/whep/studio", "/whip/"] {
                let response = try await server.send(.get, path)
                #expect(response.status == .noContent)
                #expect(response.text.isEmpty)
            }
            #expect(try await server.send(.head, "/whip").status == .noContent)
            let head = try await server.send(.head, "/whep/studio")
            #expect(head.status == .ok)
            #expect(head.header("Content-Type") == "application/sdp")
        }
    }

    @Test func `OPTIONS is 200 and names what is accepted (RFC 9725 §4.2)`() async throws {
        try await TestServer.with(nil) { server in
            for path in ["/whip", "/whip/studio", "/whep", "/whep/studio"] {
                let response = try await server.send(.options, path)
                #expect(response.status == .ok)
                #expect(response.header("Accept-Post") == "application/sdp")
                #expect(response.header("Access-Control-Allow-Origin") == nil)
            }
        }
    }

    @Test(arguments: [
        (HTTPRequest.Method.put, "/whip", "GET, HEAD, OPTIONS, POST"),
        (.delete, "/whep/studio", "GET, HEAD, OPTIONS, POST"),
        (.post, "/session/00000000000000000000000000000000", "GET, HEAD, OPTIONS, PATCH, DELETE"),
        (.post, "/rooms", "GET, HEAD, OPTIONS"), (.delete, "/", "GET, HEAD, OPTIONS"),
    ])
    func `other methods are 405 with Allow (RFC 9110 §15.5.6)`(
        method: HTTPRequest.Method, path: String, allow: String
    ) async throws {
        try await TestServer.with(nil) { server in
            let response = try await server.send(method, path)
            #expect(response.status == .methodNotAllowed)
            #expect(response.header("Allow") == allow)
            #expect(response.problem == "method-not-allowed")
        }
    }

    @Test(arguments: [
        "/nothing", "/whip/a/b", "/session", "/assets/list.html", "/assets/../list.js", "/watch", "//whip",
    ])
    func `other paths are 404`(path: String) async throws {
        try await TestServer.with(nil) { server in
            let response = try await server.send(.get, path)
            #expect(response.status == .notFound)
            #expect(response.problem == "not-found")
        }
    }

    @Test func `an allowed origin may read everything, errors too (Fetch §3.3)`() async throws {
        let environment = ["FRONTEND_URL": "https://tv.example.org/,http://localhost:9000"]
        try await TestServer.with(TestMedia(), environment: environment) { server in
            for origin in ["https://tv.example.org", "http://localhost:9000"] {
                for (method, path) in [
                    (HTTPRequest.Method.options, "/whip"), (.post, "/whip"), (.get, "/rooms"), (.get, "/x"),
                ] {
                    let response = try await server.send(method, path, ["Origin": origin])
                    #expect(response.header("Access-Control-Allow-Origin") == origin)
                    #expect(response.header("Vary") == "Origin")
                    #expect(
                        response.header("Access-Control-Expose-Headers")
                            == "Location, Link, ETag, Retry-After")
                }
            }
            let preflight = try await server.send(.options, "/whip", ["Origin": "https://tv.example.org"])
            #expect(
                preflight.header("Access-Control-Allow-Headers")
                    == "Authorization, Content-Type, If-Match, Last-Event-ID")
            #expect(
                preflight.header("Access-Control-Allow-Methods") == "GET, HEAD, POST, PATCH, DELETE, OPTIONS")
            let stranger = try await server.send(.options, "/whip", ["Origin": "https://evil.example.org"])
            #expect(stranger.status == .ok)
            #expect(stranger.header("Access-Control-Allow-Origin") == nil)
            #expect(stranger.header("Vary") == "Origin")
        }
    }

    @Test(arguments: [
        ("/", "text/html; charset=utf-8"), ("/watch/studio", "text/html; charset=utf-8"),
        ("/watch/4503599627370497", "text/html; charset=utf-8"), ("/publish", "text/html; charset=utf-8"),
        ("/assets/watch.js", "text/javascript; charset=utf-8"),
        ("/assets/list.js", "text/javascript; charset=utf-8"),
        ("/assets/publish.js", "text/javascript; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
    ])
    func `pages are served with a policy that needs no inline script`(path: String, type: String) async throws
    {
        try await TestServer.with(nil) { server in
            let response = try await server.send(.get, path)
            #expect(response.status == .ok)
            #expect(response.header("Content-Type") == type)
            #expect(response.header("X-Content-Type-Options") == "nosniff")
            guard type.hasPrefix("text/html") else { return }
            let policy = response.header("Content-Security-Policy") ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
            #expect(!policy.contains("unsafe"))
            #expect(response.text.firstMatch(of: /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/) == nil)
        }
    }

    @Test func `the date is written as RFC 9110 §5.6.7 has it`() {
        #expect(HTTPDate.text(secondsSince1970: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(secondsSince1970: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(secondsSince1970: 951_782_400) == "Tue, 29 Feb 2000 00:00:00 GMT")
        #expect(HTTPDate.text(secondsSince1970: 4_107_542_399) == "Sun, 28 Feb 2100 23:59:59 GMT")
    }
}
