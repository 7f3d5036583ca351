import Foundation
import HTTPTypes
import HummingbirdTesting
import SigmaControl
import SigmaSettings
import SigmaSignal
import Testing

@Suite("GET /notifications")
struct RoomStreamTests {
    private static let request = "GET /notifications HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `the list comes on connecting, and again with every change`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server async throws in
            let client = try await server.connect()
            try await client.send(Self.request)
            let head = try await client.text(until: "\n\n")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(head.contains("\r\nContent-Type: text/event-stream\r\n"))
            #expect(head.contains("\r\nCache-Control: no-store\r\n"))
            #expect(head.contains("\r\nX-Accel-Buffering: no\r\n"))
            #expect(head.hasSuffix("\r\n\r\ndata: {\"rooms\":[]}\n\n"))
            _ = try await server.publish("/whip/here")
            let event = try await client.text(until: "\n\n")
            #expect(event.hasPrefix("data: {\"rooms\":[{"))
            let document = Data(event.dropFirst(6).utf8)
            let rooms = try JSONDecoder().decode(TestServer.Rooms.self, from: document).rooms
            #expect(rooms.map(\.name) == ["here"])
            #expect(try await rooms == server.rooms())
            // Who joins now begins with that.
            let other = try await server.connect()
            try await other.send(Self.request)
            #expect(try await other.text(until: "\n\n").hasSuffix(event))
            await client.close()
            await other.close()
        }
    }

    @Test func `without any change it comes within 5 s all the same`() async throws {
        try await TestServer.with(nil) { server async throws in
            let client = try await server.connect()
            try await client.send(Self.request)
            _ = try await client.text(until: "\n\n")
            let begin = ContinuousClock.now
            #expect(try await client.text(until: "\n\n") == "data: {\"rooms\":[]}\n\n")
            #expect(ContinuousClock.now - begin < .milliseconds(5500))
            await client.close()
        }
    }

    @Test func `an HTTP/1.0 client reads the same`() async throws {
        try await TestServer.with(nil) { server async throws in
            let client = try await server.connect()
            try await client.send("GET /notifications HTTP/1.0\r\n\r\n")
            let text = try await client.text(until: "\n\n")
            #expect(text.hasSuffix("\r\n\r\ndata: {\"rooms\":[]}\n\n"))
            #expect(!text.lowercased().contains("transfer-encoding"))
            await client.close()
        }
    }

    @Test func `HEAD, OPTIONS and POST are answered as elsewhere`() async throws {
        let environment = ["FRONTEND_URL": "https://player.example"]
        try await TestServer.with(nil, environment: environment) { server async throws in
            let head = try await server.send(.head, "/notifications")
            #expect(head.status == .ok)
            #expect(head.header("Content-Type") == "text/event-stream")
            let origin = ["Origin": "https://player.example"]
            let options = try await server.send(.options, "/notifications", origin)
            #expect(options.header("Allow") == "GET, HEAD, OPTIONS")
            #expect(options.header("Access-Control-Allow-Origin") == "https://player.example")
            #expect(try await server.send(.post, "/notifications").status == .methodNotAllowed)
            let client = try await server.connect()
            try await client.send(
                "GET /notifications HTTP/1.1\r\nHost: a\r\nOrigin: https://player.example\r\n\r\n")
            #expect(
                try await client.text(until: "\n\n").contains(
                    "\r\nAccess-Control-Allow-Origin: https://player.example\r\n"))
            await client.close()
        }
    }

    @Test func `what comes before it is answered, what comes behind it is not heard`() async throws {
        try await TestServer.with(nil) { server async throws in
            let client = try await server.connect()
            let rooms = "GET /rooms HTTP/1.1\r\nHost: a\r\n\r\n"
            try await client.send(rooms + Self.request + String(repeating: rooms, count: 1000))
            let first = try await client.text(until: "data: ")
            #expect(first.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            try await client.send(String(repeating: rooms, count: 100) + "GET nonsense")
            // The next sign of life, and nothing else.
            let rest = try await client.text(until: "data: ")
            #expect(!rest.contains("HTTP/1.1"))
            let isClosed = await client.isClosed
            #expect(!isClosed)
            await client.close()
        }
    }

    @Test func `who sends on and on is left`() async throws {
        try await TestServer.with(nil) { server async throws in
            let client = try await server.connect()
            try await client.send(Self.request)
            let chunk = String(repeating: "x", count: 1 << 20)
            await #expect(throws: (any Error).self) {
                for _ in 0..<64 { try await client.send(chunk) }
            }
            await client.close()
        }
    }

    @Test func `a client that closes its half is done`() async throws {
        try await TestServer.with(nil) { server async throws in
            let client = try await server.connect()
            try await client.send(Self.request)
            _ = try await client.text(until: "\n\n")
            try await client.closeOutput()
            #expect(try await client.rest().isEmpty)
        }
    }

    @Test func `streams are connections of their address, and do not give way`() async throws {
        let environment = ["SIGMA_HTTP_UNLIMITED": "none", "SIGMA_HTTP_CONNECTIONS_PER_ADDRESS": "2"]
        try await TestServer.with(nil, environment: environment) { server async throws in
            var clients: [RawConnection] = []
            for _ in 0..<2 {
                let client = try await server.connect()
                try await client.send(Self.request)
                _ = try await client.text(until: "\n\n")
                clients.append(client)
            }
            let surplus = try await server.connect()
            try? await surplus.send(Self.request)
            #expect(try await surplus.rest().hasPrefix("HTTP/1.1 503 "))
            await clients.removeLast().close()
            try await eventually("there is room again") {
                let client = try await server.connect()
                try? await client.send(Self.request)
                let isServed = try await client.text(until: "\n\n").hasPrefix("HTTP/1.1 200 ")
                await client.close()
                return isServed
            }
            for client in clients { await client.close() }
        }
    }

    @Test func `behind a proxy they are requests under way, until they end`() async throws {
        let environment = ["SIGMA_TRUSTED_PROXIES": "127.0.0.1", "SIGMA_HTTP_CONNECTIONS_PER_ADDRESS": "1"]
        try await TestServer.with(nil, environment: environment) { server async throws in
            let headers = ["X-Forwarded-For": "192.0.2.1"]
            let client = try await server.connect()
            try await client.send(
                "GET /notifications HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
            _ = try await client.text(until: "\n\n")
            #expect(try await server.send(.get, "/rooms", headers).status == .serviceUnavailable)
            await client.close()
            try await eventually("it has ended") {
                try await server.send(.get, "/rooms", headers).status == .ok
            }
        }
    }

    @Test func `stopping ends streams at once`() async throws {
        try await TestServer.with(nil) { server async throws in
            let client = try await server.connect()
            try await client.send(Self.request)
            _ = try await client.text(until: "\n\n")
            let begin = ContinuousClock.now
            server.server.stop()
            _ = try await client.rest()
            #expect(ContinuousClock.now - begin < .seconds(3))
        }
    }
}

@Suite("GET /api/v1/events")
struct EventStreamTests {
    private let log = TestLog()

    private func feed(_ kinds: [String] = [], recent: Int = 0) -> EventFeed {
        let events = log.commit(kinds)
        let feed = EventFeed(log: log)
        feed.begin(newest: log.newest, recent: Array(events.suffix(recent)))
        return feed
    }

    private func listen(
        _ server: TestServer, after id: String? = nil, query: String = "",
        token: String? = TestServer.adminToken,
        reading: Bool = true
    ) async throws -> RawConnection {
        let client = try await server.connect(reading: reading, asOperator: token != nil)
        var request = "GET /api/v1/events\(query) HTTP/1.1\r\nHost: a\r\n"
        if let token { request += "Authorization: Bearer \(token)\r\n" }
        if let id { request += "Last-Event-ID: \(id)\r\n" }
        try await client.send(request + "\r\n")
        return client
    }

    private func event(_ number: Int, _ kind: String = "a") -> String {
        "id: \(number)\nevent: \(kind)\ndata: {\"a\":\"b\"}\n\n"
    }

    @Test func `without an id it begins now, and says from where`() async throws {
        let feed = feed(["a", "a"])
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            let client = try await listen(server)
            let head = try await client.text(until: "id: 2\n\n")
            #expect(head.hasSuffix("\r\n\r\nretry: 1000\n\nid: 2\n\n"))
            feed.append(log.commit(["a", "b"]))
            #expect(try await client.text(until: event(4, "b")) == event(3) + event(4, "b"))
            await client.close()
        }
    }

    @Test(arguments: [0, 2])
    func `an id is gone on from, whether the rest is in memory or not`(recent: Int) async throws {
        let feed = feed(Array(repeating: "a", count: 3), recent: recent)
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            let client = try await listen(server, after: "1", query: "?last_event_id=2")
            #expect(try await client.text(until: event(3)).hasSuffix("id: 1\n\n" + event(2) + event(3)))
            feed.append(log.commit(["a"]))
            #expect(try await client.text(until: event(4)) == event(4))
            let other = try await listen(server, query: "?last_event_id=3")
            #expect(try await other.text(until: event(4)).hasSuffix("id: 3\n\n" + event(4)))
            #expect(log.readCount == (recent == 0 ? 1 : 0))
            await client.close()
            await other.close()
        }
    }

    @Test func `a long past is read in pages`() async throws {
        let feed = feed(Array(repeating: "a", count: 1000))
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            let client = try await listen(server, after: "0")
            let text = try await client.text(until: event(1000))
            #expect(text.hasSuffix("id: 0\n\n" + (1...1000).map { event($0) }.joined()))
            #expect(log.readCount == 4)
            await client.close()
        }
    }

    @Test(arguments: ["1", "x", "-3", "99", "99999999999999999999999"])
    func `an id that is not there is a reset`(id: String) async throws {
        let feed = feed(Array(repeating: "a", count: 9))
        log.prune(before: 6)
        try await TestServer.with(nil, eventFeed: feed) { server async throws in
            let client = try await listen(server, after: id)
            let oldest = id == "1" ? 6 : 10
            let text = try await client.text(until: "}\n\n")
            #expect(
                text.contains("id: \(oldest - 1)\nevent: reset\ndata: {\"oldest\":\(oldest)}\n\n"))
            await client.close()
        }
    }

    @Test func `without the token some kinds are not heard`() async throws {
        let feed = feed(["publisher_live", "room_created"])
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            let client = try await listen(server, after: "0", token: nil)
            #expect(
                try await client.text(until: event(1, "publisher_live")).hasSuffix(event(1, "publisher_live"))
            )
            feed.append(log.commit(["viewer_left", "publish_ended"]))
            #expect(try await client.text(until: "\n\n") == event(4, "publish_ended"))
            await client.close()
            let wrong = try await listen(server, token: "wrong")
            #expect(try await wrong.text(until: "\r\n").hasPrefix("HTTP/1.1 401 "))
            await wrong.close()
        }
    }

    @Test func `a log that cannot be read is 503 before, and the end of the stream later`() async throws {
        let feed = feed(Array(repeating: "a", count: 300))
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            log.setBroken(true)
            let refused = try await server.send(.get, "/api/v1/events", ["Last-Event-ID": "1"])
            #expect(refused.status == .serviceUnavailable)
            #expect(refused.problem == "events-unavailable")
            // Nothing of it is needed for what is new.
            let client = try await listen(server)
            _ = try await client.text(until: "id: 300\n\n")
            feed.append(log.commit(["a"]))
            #expect(try await client.text(until: event(301)) == event(301))
            await client.close()
        }
    }

    @Test func `who reads nothing holds up nobody, and misses nothing`() async throws {
        let feed = feed()
        let body = "{\"a\":\"\(String(repeating: "x", count: 50_000))\"}"
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            let slow = try await listen(server, reading: false)
            let quick = try await listen(server)
            _ = try await quick.text(until: "id: 0\n\n")
            // More than the sockets hold, and than is kept in memory.
            for number in 1...400 {
                feed.append(log.commit(["a"], body: body))
                if number % 20 == 0 { _ = try await quick.text(until: "id: \(number)\n") }
            }
            try await slow.startReading()
            let text = try await slow.text(until: "id: 400\n")
            let ids = text.split(separator: "\n").filter { $0.hasPrefix("id: ") }
            #expect(ids == (0...400).map { "id: \($0)" })
            #expect(log.readCount > 0)
            await slow.close()
            await quick.close()
        }
    }

    @Test func `until the end of the log is known nobody is let in, and nothing is lost`() async throws {
        let feed = EventFeed(log: log)
        let known = log.commit(["a", "a"])
        try await TestServer.with(nil, eventFeed: feed) { [log] server async throws in
            let early = try await server.send(.get, "/api/v1/events", ["Last-Event-ID": "1"])
            #expect(early.problem == "events-unavailable")
            feed.append(log.commit(["a"]))
            feed.begin(newest: 2, recent: known)
            let client = try await listen(server, after: "1")
            #expect(try await client.text(until: event(3)).hasSuffix("id: 1\n\n" + event(2) + event(3)))
            await client.close()
        }
    }
}
