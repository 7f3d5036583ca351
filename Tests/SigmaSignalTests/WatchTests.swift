import HTTPTypes
import HummingbirdTesting
import SigmaControl
import SigmaSignal
import Testing

@Suite("POST /whep: draft-ietf-wish-whep §4.2")
struct WatchTests {
    @Test func `a room is watched by number and by name, on both URLs`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            _ = try await server.publish()
            let rooms = try await server.rooms()
            let paths =
                rooms.flatMap { ["/whep?target_id=\($0.id)", "/whep/\($0.id)"] }
                + [
                    "/whep?target_id=studio", "/whep/studio", "/whep/studio?x=1",
                    "/whep?x=1&target_id=studio",
                ]
            for path in paths {
                let response = try await server.watch(path)
                #expect(response.status == .created, "\(path)")
                #expect(response.text.contains("a=sendonly\r\n"))
                #expect(response.header("Location")?.hasPrefix("/session/") == true)
            }
            let viewers = await media.opened.filter { $0.role == .viewer }
            #expect(viewers.count == paths.count)
            #expect(Set(viewers.map(\.sessionID)).count == paths.count)
            for viewer in viewers {
                let ssrcs = viewer.media.flatMap(\.ssrcs)
                #expect(ssrcs.count == 2 && Set(ssrcs).count == 2 && !ssrcs.contains(0))
            }
        }
    }

    @Test(arguments: [
        ("/whep?target_id=12345", 404, "unknown-room"), ("/whep/nobody", 404, "unknown-room"),
        ("/whep?target_id=99999999999999999999", 404, "unknown-room"),
        ("/whep?target_id=%00", 404, "unknown-room"),
        ("/whep", 400, "target-missing"), ("/whep?target_id=", 400, "target-missing"),
        ("/whep?target_id", 400, "target-missing"), ("/whep?other=1", 400, "target-missing"),
    ])
    func `a room that is not there is 404, none given 400`(path: String, status: Int, problem: String)
        async throws
    {
        try await TestServer.with(TestMedia()) { server in
            let response = try await server.watch(path)
            #expect(response.status.code == status)
            #expect(response.problem == problem)
        }
    }

    @Test(
        arguments: [
            ("junk", 400, "sdp-malformed"), (Offers.publisher, 422, "direction-wrong"),
            (Offers.viewer.replacing("H264/90000", with: "VP8/90000"), 422, "no-common-codec"),
            (
                Offers.viewer.replacing("packetization-mode=1", with: "packetization-mode=0"), 422,
                "no-common-profile"
            ),
        ] as [(String, Int, String)])
    func `an offer that cannot show the room is refused`(offer: String, status: Int, problem: String)
        async throws
    {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            let response = try await server.watch("/whep/studio", offer: offer)
            #expect(response.status.code == status)
            #expect(response.problem == problem)
            #expect(await media.opened.count == 1)
        }
    }

    @Test func `the last sessions of media are for publishers`() async throws {
        let media = TestMedia()
        await media.configure { $0.hello.limits.sessions = 32 }
        try await TestServer.with(media) { server async throws in
            _ = try await server.publish("/whip/studio")
            for _ in 0..<29 { #expect(try await server.watch("/whep/studio").status == .created) }
            let refused = try await server.watch("/whep/studio")
            #expect(refused.problem == "overloaded")
            #expect(refused.header("Retry-After") == "5")
            #expect(try await server.publish("/whip/other").status == .created)
        }
    }

    @Test func `another content type is 415`() async throws {
        try await TestServer.with(TestMedia()) { server in
            _ = try await server.publish("/whip/studio")
            let response = try await server.send(
                .post, "/whep/studio", ["Content-Type": "text/plain"], body: "x")
            #expect(response.status == .unsupportedMediaType)
        }
    }
}

@Suite("Rooms: GET /rooms")
struct RoomsTests {
    @Test func `viewers count while they are connected`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            _ = try await server.watch("/whep/studio")
            _ = try await server.watch("/whep/studio")
            #expect(try await server.rooms().map(\.viewer_count) == [0])
            let viewers = await media.sessions.values.filter { $0.role == .viewer }
            for viewer in viewers { await media.emit(viewer, .connected(Connected())) }
            try await eventually("two viewers") { try await server.rooms().map(\.viewer_count) == [2] }
            // Said twice, it is counted once.
            await media.emit(viewers[0], .connected(Connected()))
            await media.emit(viewers[0], .disconnected(Disconnected()))
            try await eventually("one viewer") { try await server.rooms().map(\.viewer_count) == [1] }
            await media.emit(viewers[0], .reconnected(Reconnected()))
            try await eventually("two again") { try await server.rooms().map(\.viewer_count) == [2] }
            await media.emit(viewers[0], .ended(Ended()))
            try await eventually("one left") { try await server.rooms().map(\.viewer_count) == [1] }
            try await eventually("acknowledged") { await media.acknowledged == 6 }
        }
    }

    @Test func `a room tells what media knows of the publisher`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            #expect(try await server.rooms().first?.live == false)
            let publisher = try #require(await media.sessions.values.first)
            await media.emit(publisher, .publisherLive(PublisherLive()))
            let track: TrackKnown = message {
                $0.kind = .video
                $0.width = 1280
                $0.height = 720
            }
            await media.emit(publisher, .trackKnown(track))
            try await eventually("known") {
                try await server.rooms().contains { $0.live == true && $0.width == 1280 && $0.height == 720 }
            }
        }
    }

    @Test func `a room that nobody named ends with its publisher, and media closes its viewers`() async throws
    {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish()
            let room = try #require(try await server.rooms().first).id
            let watching = try await server.watch("/whep/\(room)")
            let publisher = try #require(await media.sessions.values.first { $0.role == .publisher })
            await media.emit(publisher, .ended(message { $0.reason = .consentExpired }))
            try await eventually("no room") { try await server.rooms().isEmpty }
            try await eventually("viewer closed") { await media.sessions.isEmpty }
            let location = try #require(watching.header("Location"))
            #expect(try await server.send(.get, location).status == .notFound)
            #expect(try await server.watch("/whep/\(room)").problem == "unknown-room")
        }
    }

    @Test func `in a named room viewers stay, and wait where they ask to`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            #expect(try await server.watch("/whep/studio?wait=1").problem == "unknown-room")
            _ = try await server.publish("/whip/studio")
            let watching = try await server.watch("/whep/studio")
            let publisher = try #require(await media.sessions.values.first { $0.role == .publisher })
            await media.emit(publisher, .ended(message { $0.reason = .consentExpired }))
            try await eventually("not live") { try await server.rooms().isEmpty }
            #expect(try await server.send(.get, #require(watching.header("Location"))).status == .noContent)
            let refused = try await server.watch("/whep/studio")
            #expect((refused.status, refused.problem) == (.conflict, "room-not-live"))
            #expect(refused.header("Retry-After") == "2")
            #expect(try await server.watch("/whep/studio?wait=1").status == .created)
            #expect(try await server.publish("/whip/studio").status == .created)
            #expect(await media.sessions.count == 3)
        }
    }
}
