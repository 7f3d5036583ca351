import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import SigmaControl
import SigmaSettings
import SigmaSignal
import Testing

@Suite("What one client may ask of HTTP")
struct LimitTests {
    private static let proxied = ["SIGMA_TRUSTED_PROXIES": "127.0.0.1"]

    private func forwarded(_ address: String, _ more: [String: String] = [:]) -> [String: String] {
        more.merging(["X-Forwarded-For": address]) { $1 }
    }

    @Test func `offers beyond the rate are 429 with Retry-After, each address for itself`() async throws {
        let environment = Self.proxied.merging(["SIGMA_HTTP_JOINS_PER_SECOND": "1"]) { $1 }
        try await TestServer.with(TestMedia(), environment: environment) { server async throws in
            let sdp = ["Content-Type": "application/sdp"]
            for _ in 0..<10 {
                let response = try await server.send(
                    .post, "/whep/x", forwarded("192.0.2.1", sdp), body: Offers.viewer)
                #expect(response.status == .notFound)
            }
            let refused = try await server.send(
                .post, "/whep/x", forwarded("9.9.9.9, 192.0.2.1", sdp), body: Offers.viewer)
            #expect(refused.status == .tooManyRequests)
            #expect(refused.problem == "rate-limited")
            #expect(refused.header("Retry-After").flatMap { Int($0) } == 1)
            for other in ["192.0.2.2", "2001:db8::1"] {
                let response = try await server.send(
                    .post, "/whep/x", forwarded(other, sdp), body: Offers.viewer)
                #expect(response.status == .notFound)
            }
            // Other requests are counted apart.
            #expect(try await server.send(.get, "/rooms", forwarded("192.0.2.1")).status == .ok)
        }
    }

    @Test func `after ten wrong tokens the right one is not looked at either`() async throws {
        try await TestServer.with(TestMedia(), environment: Self.proxied) { server async throws in
            func publish(_ token: String, from address: String) async throws -> HTTPResponse.Status {
                let headers = ["Content-Type": "application/sdp", "Authorization": "Bearer \(token)"]
                return try await server.send(
                    .post, "/whip", forwarded(address, headers), body: Offers.publisher
                ).status
            }
            for _ in 0..<10 { #expect(try await publish("wrong", from: "192.0.2.1") == .unauthorized) }
            #expect(try await publish("wrong", from: "192.0.2.1") == .tooManyRequests)
            #expect(try await publish(TestServer.token, from: "192.0.2.1") == .tooManyRequests)
            #expect(try await publish(TestServer.token, from: "192.0.2.2") == .created)
        }
    }

    @Test func `a client behind a proxy has so many requests under way, then 503`() async throws {
        let media = TestMedia()
        let environment = Self.proxied.merging(["SIGMA_HTTP_CONNECTIONS_PER_ADDRESS": "2"]) { $1 }
        try await TestServer.with(media, environment: environment) { server async throws in
            await media.configure { $0.isSilent = true }
            let headers = forwarded(
                "192.0.2.1",
                ["Content-Type": "application/sdp", "Authorization": "Bearer \(TestServer.token)"])
            async let first = server.send(.post, "/whip", headers, body: Offers.publisher)
            async let second = server.send(.post, "/whip", headers, body: Offers.publisher)
            try await eventually("both are under way") { await media.withheldCount == 2 }
            let refused = try await server.send(.get, "/rooms", forwarded("192.0.2.1"))
            #expect(refused.status == .serviceUnavailable)
            #expect(refused.problem == "connections-exhausted")
            #expect(try await server.send(.get, "/rooms", forwarded("192.0.2.2")).status == .ok)
            await media.speak()
            #expect(try await [first.status, second.status] == [.created, .created])
            #expect(try await server.send(.get, "/rooms", forwarded("192.0.2.1")).status == .ok)
        }
    }

    @Test func `a connection too many is told 503 and closed; an idle one gives way`() async throws {
        let environment = ["SIGMA_HTTP_UNLIMITED": "none", "SIGMA_HTTP_CONNECTIONS_PER_ADDRESS": "2"]
        try await TestServer.with(nil, environment: environment) { server async throws in
            let first = try await server.connect()
            let second = try await server.connect()
            try await first.send("GET /rooms HTTP/1.1\r\n")
            try await second.send("GET /rooms HTTP/1.1\r\n")
            try await Task.sleep(for: .milliseconds(100))
            let surplus = try await server.connect()
            try? await surplus.send("GET /rooms HTTP/1.1\r\nHost: a\r\n\r\n")
            let refused = try await surplus.rest()
            #expect(refused.hasPrefix("HTTP/1.1 503 "))
            #expect(refused.contains("\r\nRetry-After: 2\r\n"))
            #expect(refused.contains("urn:sigma:problem:connections-exhausted"))
            try await first.send("Host: a\r\n\r\n")
            #expect(try await first.answer().hasPrefix("HTTP/1.1 200 "))
            try await Task.sleep(for: .milliseconds(100))
            let third = try await server.connect()
            try await third.send("GET /rooms HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await third.answer().hasPrefix("HTTP/1.1 200 "))
            #expect(try await first.rest().isEmpty)
            for connection in [first, second, third] { await connection.close() }
        }
    }

    @Test func `addresses without limits have none`() async throws {
        let environment = ["SIGMA_HTTP_CONNECTIONS_PER_ADDRESS": "1", "SIGMA_HTTP_REQUESTS_PER_SECOND": "1"]
        try await TestServer.with(nil, environment: environment) { server async throws in
            for _ in 0..<20 { #expect(try await server.send(.get, "/rooms").status == .ok) }
        }
    }
}

@Suite("Slow, endless and malformed requests")
struct SlowClientTests {
    /// Three seconds for everything: a busy machine may keep a test waiting for one.
    private static let short = [
        "SIGMA_HTTP_HEADER_SECONDS": "3", "SIGMA_HTTP_BODY_SECONDS": "3", "SIGMA_HTTP_IDLE_SECONDS": "3",
    ]

    /// Time from the sending of `text` to the end of the connection, a second octet each 100 ms.
    private func lifetime(
        _ server: TestServer, _ text: String, dribbling: Bool = true
    ) async throws -> (answer: String, seconds: Double) {
        let begin = ContinuousClock.now
        let connection = try await server.connect()
        try await connection.send(text)
        let dribble = Task {
            while dribbling, !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(100))
                try await connection.send("a")
            }
        }
        let answer = try await connection.rest()
        dribble.cancel()
        let elapsed = ContinuousClock.now - begin
        await connection.close()
        return (answer, elapsed / .seconds(1))
    }

    @Test(arguments: [
        ("GET /rooms HTTP/1.1\r\nX: ", true, "HTTP/1.1 408 "), ("G", false, "HTTP/1.1 408 "), ("", false, ""),
    ])
    func `a header has its time and no more`(text: String, dribbling: Bool, answer: String) async throws {
        try await TestServer.with(nil, environment: Self.short) { server async throws in
            let result = try await lifetime(server, text, dribbling: dribbling)
            #expect(result.answer.hasPrefix(answer) && (answer == "") == result.answer.isEmpty)
            #expect((2.4..<15).contains(result.seconds))
        }
    }

    @Test(arguments: [
        ("Authorization: Bearer \(TestServer.token)\r\nContent-Type: application/sdp\r\n", "HTTP/1.1 408 "),
        ("", "HTTP/1.1 401 "),
    ])
    func `so has a body, read or not`(headers: String, answer: String) async throws {
        try await TestServer.with(TestMedia(), environment: Self.short) { server async throws in
            let result = try await lifetime(
                server, "POST /whip HTTP/1.1\r\nHost: a\r\n\(headers)Content-Length: 5000\r\n\r\nv=0")
            #expect(result.answer.hasPrefix(answer))
            #expect(result.seconds < 15)
        }
    }

    @Test func `an idle connection is closed, a used one stays`() async throws {
        try await TestServer.with(nil, environment: Self.short) { server async throws in
            let connection = try await server.connect()
            for _ in 0..<8 {
                try await connection.send("GET /rooms HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await connection.answer().hasPrefix("HTTP/1.1 200 "))
                try await Task.sleep(for: .milliseconds(500))
            }
            let begin = ContinuousClock.now
            #expect(try await connection.rest().isEmpty)
            #expect(ContinuousClock.now - begin < .seconds(15))
            await connection.close()
        }
    }

    @Test func `who reads no answers is left`() async throws {
        try await TestServer.with(nil, environment: Self.short) { server async throws in
            let connection = try await server.connect(reading: false)
            let many = String(repeating: "GET /assets/watch.js HTTP/1.1\r\nHost: a\r\n\r\n", count: 4000)
            try? await connection.send(many)
            try await eventually("closed") { await connection.isClosed }
        }
    }

    @Test(arguments: ["GET /rooms HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x", "CONNECT a:1 HTTP/1.1"])
    func `what leaves HTTP is not read on`(head: String) async throws {
        try await TestServer.with(nil) { server async throws in
            let connection = try await server.connect()
            try await connection.send("\(head)\r\nHost: a\r\n\r\n")
            let chunk = String(repeating: "x", count: 1 << 20)
            // Its window fills long before this is through, and it is closed in a moment.
            await #expect(throws: (any Error).self) {
                for _ in 0..<64 { try await connection.send(chunk) }
            }
            await connection.close()
        }
    }

    @Test(arguments: [
        ("GET /rooms HTTP/1.1\r\nX: \(String(repeating: "a", count: 9000))\r\n\r\n", 431, "header-too-long"),
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n\r\n", 431, "header-too-long"),
        ("GET / HTTP/1.1\r\n" + String(repeating: "X: a\r\n", count: 101) + "\r\n", 431, "header-too-long"),
        ("hello\r\n\r\n", 400, "request-malformed"),
        ("GET / HTTP/1.1\r\nno field\r\n\r\n", 400, "request-malformed"),
    ])
    func `what is no request is told so in a problem document`(text: String, status: Int, problem: String)
        async throws
    {
        try await TestServer.with(nil) { server async throws in
            let answer = try await server.exchange(text)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
            #expect(answer.contains("urn:sigma:problem:\(problem)"))
            #expect(answer.contains("application/problem+json"))
        }
    }

    @Test func `a malformed chunk is 400`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let connection = try await server.connect()
            try await connection.send(
                "POST /whip HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(TestServer.token)\r\n"
                    + "Content-Type: application/sdp\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await Task.sleep(for: .milliseconds(100))
            try await connection.send("5\r\nv=0\r\n\r\nzzz\r\n")
            let answer = try await connection.rest()
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            await connection.close()
        }
    }

    @Test func `stages have the times of the settings`() throws {
        let limits = try SignalSettings(environment: ["WHIP_TOKEN": TestServer.token]).httpLimits
        func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }
        var state = RequestDeadline(limits: limits, now: at(100))
        #expect(state.deadline == at(105))
        _ = state.received(1, at: at(102))
        // An octet more is no more time.
        _ = state.received(1, at: at(104))
        #expect(state.deadline == at(107))
        state.began(at: at(105))
        #expect(state.deadline == at(135))
        state.answering(at: at(106))
        #expect(state.deadline == at(116))
        state.answered(at: at(107))
        #expect(state.deadline == at(137))
        let isWelcome = state.received(256 * 1024 + 1, at: at(108))
        #expect(!isWelcome)
    }
}
