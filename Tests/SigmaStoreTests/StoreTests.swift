import FoundationEssentials
import GRDB
import SigmaStore
import Testing

@Suite("Store: rooms, sessions and their history")
struct StoreTests {
    @Test func `a broadcast leaves its history, and the chain verifies`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await store.submit { try $0.create(.lasting(7, "studio")) }.value()
            let publisher = try await store.submit { try $0.open(.publisher(1, in: 7)) }.value()
            let viewer = try await store.submit { try $0.open(.viewer(2, in: 7)) }.value()
            for (number, event) in [
                MediaEvent.Fact.connected, .publisherLive,
                .trackKnown(kind: "video", codec: "h264", width: 1280, height: 720, profileLevelID: 0x42e01f),
            ].enumerated() {
                try await store.submit {
                    try $0.record(.of(1, .publisher, in: 7, number: Int64(number) + 1, event))
                }.value()
            }
            let totals = MediaEvent.Totals(octetsSent: 10, octetsReceived: 20)
            try await store.submit {
                try $0.record(
                    .of(2, .viewer, in: 7, number: 4, .ended(reason: "requested", totals, closedBy: nil)))
            }.value()
            #expect((publisher, viewer) == (1, 2))
            #expect(
                try await fixture.kinds() == [
                    "room_created", "published", "viewer_joined", "publisher_connected", "publisher_live",
                    "track_known", "viewer_left",
                ])
            let verified = try fixture.reader().verify(anchors: [])
            #expect(verified.fault == nil && verified.rows == 7)
        }
    }

    @Test func `an event of media is stored once, and never before the one that precedes it`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await store.submit { try $0.create(.lasting(7, "studio")) }.value()
            try await store.submit { try $0.record(.of(1, .publisher, in: 7, number: 1, .connected)) }.value()
            try await store.submit { try $0.record(.of(1, .publisher, in: 7, number: 1, .connected)) }.value()
            await #expect(throws: StoreError.outOfOrder) {
                try await store.submit {
                    try $0.record(.of(1, .publisher, in: 7, number: 3, .publisherLive))
                }.value()
            }
            try await store.submit { try $0.recordGap(in: MediaEvent.oneJournal, from: 2, to: 4) }.value()
            try await store.submit { try $0.record(.of(1, .publisher, in: 7, number: 5, .publisherLive)) }
                .value()
            #expect(
                try await fixture.kinds() == [
                    "room_created", "session_adopted", "publisher_connected", "journal_gap", "publisher_live",
                ])
        }
    }

    @Test func `a copy that is made while it is written is whole`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.store.submit { try $0.create(.lasting(7, "studio")) }.value()
            let copy = fixture.folder.appending(path: "copy.sqlite").path
            try fixture.reader().backup(to: copy)
            #expect(try StoreReader(path: copy).verify(anchors: []).rows == 1)
        }
    }
}
