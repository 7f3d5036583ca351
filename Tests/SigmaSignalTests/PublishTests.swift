import Foundation
import HTTPTypes
import HummingbirdTesting
import SigmaControl
import Testing

@Suite("POST /whip: RFC 9725 §4.2")
struct PublishTests {
    @Test func `an offer becomes a session in media and 201 with its answer`() async throws {
        let media = TestMedia()
        try await TestServer.with(
            media,
            environment: [
                "SIGMA_ICE_SERVERS":
                    "stun:stun.example.org,turn:turn.example.org?transport=udp|al\"ice|se\\cret"
            ]
        ) { server in
            let response = try await server.publish()
            #expect(response.status == .created)
            #expect(response.header("Content-Type") == "application/sdp")
            #expect(response.header("ETag") == "\"mediaUfrag1\"")
            #expect(response.header("Date")?.hasSuffix(" GMT") == true)
            let location = try #require(response.header("Location"))
            #expect(location.wholeMatch(of: /\/session\/[0-9a-f]{32}/) != nil)
            let link = try #require(HTTPField.Name("Link"))
            #expect(
                response.head.headerFields[values: link].dropFirst() == [
                    #"<stun:stun.example.org>; rel="ice-server""#,
                    #"<turn:turn.example.org?transport=udp>; rel="ice-server"; username="al\"ice"; "#
                        + #"credential="se\\cret"; credential-type="password""#,
                ])
            // Who publishes to no room of a name learns which one was made.
            let page = try #require(response.head.headerFields[values: link].first)
            #expect(
                page.wholeMatch(of: /<\/watch\/[0-9a-z]{26}>; rel="alternate"; type="text\/html"/) != nil)
            let answer = response.text
            #expect(answer.hasPrefix("v=0\r\n"))
            #expect(answer.contains("a=ice-ufrag:mediaUfrag1\r\n"))
            #expect(answer.contains("a=ice-pwd:mediaPasswordOfTwentyTwo+\r\n"))
            #expect(answer.contains("a=fingerprint:sha-256 AB:AB:"))
            #expect(answer.contains("a=recvonly\r\n"))
            // Loopback came first, but Firefox never checks it.
            #expect(answer.contains(" 127.0.0.1 5004 typ host"))
            #expect(answer.contains(" 192.0.2.7 5004 typ host"))

            let open = try #require(await media.opened.first)
            #expect(open.role == .publisher)
            #expect(open.roomID >= 1 << 52 && open.roomID < 1 << 53)
            #expect(open.remoteUfrag == "s20O")
            #expect(open.remotePassword == "brPNvtsdJjINFYKk8pbVgo")
            #expect(open.dtlsRole == .server)
            #expect(open.fingerprints.map(\.hashFunction) == [.sha256])
            #expect(open.fingerprints.first?.digest.prefix(2) == Data([0xbb, 0xa2]))
            #expect(open.media.map(\.mid) == ["0", "1"])
            #expect(open.media.map(\.codec) == [.opus, .h264])
            #expect(open.media.map(\.payloadType) == [111, 96])
            #expect(open.media.map(\.clockRate) == [48_000, 90_000])
            #expect(open.cname.count >= 16)
            #expect("/session/" + open.sessionID.map { String(format: "%02x", $0) }.joined() == location)
        }
    }

    @Test func `a named room has a number of its own that follows from the name`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            #expect(try await server.publish("/whip/studio-1").status == .created)
            let rooms = try await server.rooms()
            #expect(rooms.map(\.name) == ["studio-1"])
            let id = try #require(rooms.first?.id)
            #expect((1..<1 << 52).contains(id))
            #expect(await media.opened.first?.roomID == id)
        }
    }

    @Test func `a passive offer makes us the DTLS client (RFC 8842 §5.3)`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            let offer = Offers.publisher.replacing("a=setup:actpass", with: "a=setup:passive")
            let response = try await server.publish(offer: offer)
            #expect(response.text.contains("a=setup:active\r\n"))
            #expect(await media.opened.first?.dtlsRole == .client)
        }
    }

    @Test(
        arguments: [
            (nil, nil), ("Bearer", nil), ("Bearer wrong-wrong-wrong-wrong", nil),
            ("Basic \(TestServer.token)", nil),
            ("Bearer \(TestServer.token)x", nil), ("Bearer \(TestServer.token)", 201),
            ("bEARER  \(TestServer.token)", 201),
        ] as [(String?, Int?)])
    func `only the bearer token publishes, its scheme in any case (RFC 9725 §4.7)`(
        authorization: String?, status: Int?
    ) async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            var headers = ["Content-Type": "application/sdp"]
            headers["Authorization"] = authorization
            let response = try await server.send(.post, "/whip", headers, body: Offers.publisher)
            #expect(response.status.code == status ?? 401)
            guard status == nil else { return }
            #expect(response.problem == "unauthorized")
            #expect(response.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
            #expect(await media.opened.isEmpty)
        }
    }

    @Test func `a second publisher of a room is to take it over, and four may try at a time`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            for _ in 0..<5 { #expect(try await server.publish("/whip/one").status == .created) }
            #expect(await media.opened.allSatisfy(\.takesOver))
            let sixth = try await server.publish("/whip/one")
            #expect(sixth.status == .conflict)
            #expect(sixth.problem == "room-occupied")
            #expect(try await server.publish("/whip/two").status == .created)
            #expect(try await server.publish("/whip").status == .created)
        }
    }

    @Test(arguments: ["A", "a_b", "a.b", "%41", String(repeating: "a", count: 65)])
    func `a room name is checked`(name: String) async throws {
        try await TestServer.with(TestMedia()) { server in
            let response = try await server.publish("/whip/\(name)")
            #expect(response.status == .badRequest)
            #expect(response.problem == "room-name-invalid")
        }
    }

    @Test(arguments: [nil, "text/plain", "application/sdpx", "application/json"] as [String?])
    func `a body of another type is 415`(type: String?) async throws {
        try await TestServer.with(TestMedia()) { server in
            var headers = ["Authorization": "Bearer \(TestServer.token)"]
            headers["Content-Type"] = type
            let response = try await server.send(.post, "/whip", headers, body: Offers.publisher)
            #expect(response.status == .unsupportedMediaType)
            #expect(response.problem == "content-type-unsupported")
        }
    }

    @Test func `parameters of the type and its case do not matter (RFC 9110 §8.3.1)`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let response = try await server.send(
                .post, "/whip",
                [
                    "Authorization": "Bearer \(TestServer.token)",
                    "Content-Type": "Application/SDP ; charset=utf-8",
                ],
                body: Offers.publisher)
            #expect(response.status == .created)
        }
    }

    @Test(arguments: [
        ("hello", 400, "sdp-malformed"), ("", 400, "sdp-malformed"),
        (
            Offers.publisher.replacing("a=ice-pwd:brPNvtsdJjINFYKk8pbVgo\r\n", with: ""), 400,
            "ice-credentials-missing"
        ),
        (Offers.publisher.replacing("a=fingerprint:", with: "a=x:"), 400, "fingerprint-missing"),
        (Offers.publisher.replacing("sendonly", with: "recvonly"), 422, "direction-wrong"),
        (Offers.publisher.replacing("H264/90000", with: "VP8/90000"), 422, "no-common-codec"),
        (Offers.publisher.replacing("rtcp-mux", with: "x"), 422, "rtcp-mux-required"),
    ])
    func `malformed is 400, sound but not served 422`(offer: String, status: Int, problem: String)
        async throws
    {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            let response = try await server.publish(offer: offer)
            #expect(response.status.code == status)
            #expect(response.problem == problem)
            #expect(await media.opened.isEmpty)
            #expect(try await server.rooms().isEmpty)
        }
    }

    @Test func `a body beyond 64 KiB is 413, with a length and without`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let large = try await server.publish(offer: String(repeating: "a", count: 65_537))
            #expect(large.status == .contentTooLarge)
            #expect(large.problem == "body-too-large")
            let chunk = "4000\r\n" + String(repeating: "a", count: 0x4000) + "\r\n"
            let answer = try await server.exchange(
                "POST /whip HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(TestServer.token)\r\n"
                    + "Content-Type: application/sdp\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + String(repeating: chunk, count: 5) + "0\r\n\r\n", upTo: 1)
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `Expect: 100-continue is answered (RFC 9110 §10.1.1)`() async throws {
        try await TestServer.with(TestMedia()) { server in
            let answer = try await server.exchange(
                "POST /whip HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(TestServer.token)\r\n"
                    + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
                upTo: 12)
            #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n"))
        }
    }

    @Test(arguments: [
        ("POST /whip", "Content-Length: 5\r\n", "401"),
        ("POST /whip", "Authorization: Bearer \(TestServer.token)\r\nContent-Length: 70000\r\n", "415"),
        ("POST /nothing", "Content-Length: 5\r\n", "404"),
    ])
    func `a body that would not be read is not asked for (RFC 9110 §10.1.1)`(
        request: String, headers: String, status: String
    ) async throws {
        try await TestServer.with(TestMedia()) { server in
            let answer = try await server.exchange(
                "\(request) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\(headers)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test(arguments: [
        (FailureCode.full, 503, "overloaded"), (.draining, 503, "overloaded"),
        (.overloaded, 503, "overloaded"),
        (.roomOccupied, 409, "room-occupied"),
        (.invalid, 422, "media-refused"), (.unsupported, 500, "media-answer-unusable"),
    ])
    func `what media refuses leaves nothing behind`(code: FailureCode, status: Int, problem: String)
        async throws
    {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            await media.configure { $0.refusal = code }
            let response = try await server.publish("/whip/one")
            #expect(response.status.code == status)
            #expect(response.problem == problem)
            #expect(status != 503 || response.header("Retry-After") == "5")
            #expect(try await server.rooms().isEmpty)
            #expect(try await server.publish("/whip/one").status == .created)
        }
    }
}
