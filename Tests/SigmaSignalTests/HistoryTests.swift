import Foundation
import HTTPTypes
import HummingbirdTesting
import SigmaControl
import SigmaStore
import Testing

@Suite("History: what happened is stored once, and media's journal waits for it")
struct HistoryTests {
    private func history(_ server: TestServer) throws -> [AuditRecord] {
        let reader = try StoreReader(path: server.directory.appending(path: "sigma.sqlite").path)
        var records: [AuditRecord] = []
        try reader.history(HistoryFilter()) { records.append($0) }
        return records
    }

    @Test func `media is shown the head, and may forget what is stored`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            let publisher = try #require(await media.sessions.values.first)
            await media.emit(publisher, .connected(Connected()))
            await media.emit(publisher, .publisherLive(PublisherLive()))
            try await eventually("acknowledged") { await media.acknowledged == 2 }
            let last = try #require(try history(server).last)
            #expect(last.kind == "publisher_live")
            try await eventually("anchored") {
                await media.anchors.last.map {
                    ($0.sequence, [UInt8]($0.hash)) == (UInt64(last.sequence), last.hash)
                }
                    ?? false
            }
        }
    }

    @Test func `what happened while signaling was away is history when it is back, once`() async throws {
        let media = TestMedia()
        try await TestServer.with(nil) { server in
            try await server.with(media: media) { () async throws in
                _ = try await server.publish("/whip/studio")
                _ = try await server.watch("/whep/studio")
            }
            let viewer = try #require(await media.sessions.values.first { $0.role == .viewer })
            await media.emit(viewer, .connected(Connected()))
            await media.emit(viewer, .ended(message { $0.reason = .peerClosed }))
            try await server.with(media: media) { () async throws in
                try await eventually("stored") { await media.acknowledged == 2 }
            }
            try await server.with(media: media) { () async throws in }
            #expect(
                try history(server).map(\.kind) == [
                    "room_created", "published", "viewer_joined", "viewer_connected", "viewer_left",
                ])
        }
    }

    @Test func `a media that was restarted ends what it had, and the rooms are told`() async throws {
        try await TestServer.with(nil) { server in
            try await server.with(media: TestMedia(journal: 1)) { () async throws in
                _ = try await server.publish("/whip/studio")
                _ = try await server.publish()
            }
            try await server.with(media: TestMedia(journal: 2)) { () async throws in
                try await eventually("told") { try history(server).count == 8 }
                #expect(try await server.rooms().isEmpty)
            }
            #expect(
                try history(server).map(\.kind) == [
                    "room_created", "published", "room_created", "published", "media_restarted",
                    "publish_ended", "publish_ended", "room_ended",
                ])
        }
    }

    @Test func `a viewer whose room ended meanwhile leaves once`() async throws {
        let media = TestMedia()
        try await TestServer.with(nil) { server in
            try await server.with(media: media) { () async throws in
                _ = try await server.publish()
                _ = try await server.watch("/whep/\(try #require(try await server.rooms().first).id)")
            }
            let publisher = try #require(await media.sessions.values.first { $0.role == .publisher })
            await media.emit(publisher, .ended(message { $0.reason = .peerClosed }))
            try await server.with(media: media) { () async throws in
                try await eventually("all is stored") { await media.acknowledged == 2 }
            }
            #expect(await media.closed.map(\.reason) == [.signalingLost])
            #expect(
                try history(server).map(\.kind) == [
                    "room_created", "published", "viewer_joined", "publish_ended", "room_ended",
                    "viewer_left",
                ])
        }
    }

    @Test func `a room that was ended while media was away is ended there too`() async throws {
        let media = TestMedia()
        try await TestServer.with(nil) { server in
            try await server.with(media: media) { () async throws in
                _ = try await server.publish("/whip/studio")
                _ = try await server.watch("/whep/studio")
            }
            #expect(try await server.administer(.delete, "/api/v1/rooms/studio").status == .noContent)
            try await server.with(media: media) { () async throws in
                try await eventually("all closed") { await media.sessions.isEmpty }
                try await eventually("all is stored") { await media.acknowledged == 2 }
                #expect(try await server.rooms().isEmpty)
            }
            #expect(await media.closed.map(\.reason) == [.kicked, .kicked])
            #expect(
                try history(server).map(\.kind) == [
                    "room_created", "published", "viewer_joined", "room_ended", "viewer_left",
                    "publish_ended",
                ] || history(server).map(\.kind).suffix(2) == ["publish_ended", "viewer_left"])
        }
    }

    @Test func `events that media has lost are a row that says so`() async throws {
        let media = TestMedia()
        await media.configure { $0.forget(through: 7) }
        try await TestServer.with(media) { server in
            try await eventually("told") { try history(server).map(\.kind) == ["journal_gap"] }
            #expect(try #require(try history(server).first).body.contains(#""first":1,"last":7"#))
        }
    }

    @Test func `a store that cannot be written refuses what is new, and misses nothing when it can again`()
        async throws
    {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            let publisher = try #require(await media.sessions.values.first)
            let lock = try StoreLock(path: server.directory.appending(path: "sigma.sqlite").path)
            await media.emit(publisher, .connected(Connected()))
            await media.emit(publisher, .publisherLive(PublisherLive()))
            let refused = try await server.watch("/whep/studio")
            #expect((refused.status, refused.problem) == (.serviceUnavailable, "storage-unavailable"))
            #expect(try await server.rooms().first?.live == true)
            let health = try await server.send(.get, "/health")
            #expect(health.status == .serviceUnavailable && health.text.contains("another process holds"))
            try lock.release()
            try await eventually("all is stored") { await media.acknowledged >= 2 }
            try await eventually("taken again") { try await server.watch("/whep/studio").status == .created }
            #expect(
                try history(server).map(\.kind).prefix(4) == [
                    "room_created", "published", "publisher_connected", "publisher_live",
                ])
        }
    }
}
