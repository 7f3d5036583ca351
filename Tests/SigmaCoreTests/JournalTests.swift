import SigmaCore
import Testing

@Suite("Journal")
struct JournalTests {
    private let id = [UInt8](repeating: 9, count: 16)

    private func withJournal(_ capacity: Int, _ body: (inout Journal) throws -> Void) rethrows {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: Journal.byteCount(capacity: capacity), alignment: 16)
        defer { memory.deallocate() }
        var journal = unsafe Journal(formatting: memory, capacity: capacity, id: id)
        try body(&journal)
    }

    private func record(_ event: Event) -> EventRecord {
        EventRecord(
            event, sessionID: SessionID(high: 1, low: 2), roomID: RoomID(rawValue: 3), role: .publisher)
    }

    @Test func `numbers events from 1 without a hole and replays from any of them`() {
        withJournal(8) { journal in
            let before = (journal.newest, journal.oldest)
            #expect(before == (0, 1))
            for time in 1...5 as ClosedRange<UInt64> { journal.append(record(.connected), time: time) }
            let times = (0...6).map { journal[$0]?.time }
            #expect(times == [nil, 1, 2, 3, 4, 5, nil])
        }
    }

    @Test func `when full the oldest go, and what nobody had acknowledged is counted as lost`() {
        withJournal(4) { journal in
            for time in 1...4 as ClosedRange<UInt64> { journal.append(record(.connected), time: time) }
            journal.acknowledge(2)
            for time in 5...8 as ClosedRange<UInt64> { journal.append(record(.connected), time: time) }
            let numbers = (3...9).map { journal[$0]?.number }
            #expect(numbers == [nil, nil, 5, 6, 7, 8, nil])
            let ends = (journal.oldest, journal.lost)
            #expect(ends == (5, 2))
        }
    }

    @Test func `acknowledgements never go back nor beyond what was written`() {
        withJournal(4) { journal in
            journal.append(record(.connected), time: 1)
            journal.acknowledge(5)
            let beyond = journal.acknowledged
            journal.acknowledge(1)
            journal.acknowledge(0)
            let back = journal.acknowledged
            #expect(beyond == 0 && back == 1)
        }
    }

    @Test(arguments: [
        Event.connected, .disconnected, .reconnected, .publisherLive, .publisherGone,
        .keyframeInterval(mediaLine: 1, milliseconds: 2_000),
        .trackTrouble(
            TroubleFacts(mediaLine: 7, troubles: [.bFrames, .beyondCache], keyframeInterval: .max)),
        .trackTrouble(TroubleFacts(mediaLine: 0, troubles: [], keyframeInterval: 0)),
        .trackKnown(
            TrackFacts(
                mediaLine: 1, kind: .video, codec: .h264, ssrc: .max, width: 1920, height: 1080,
                profileLevelID: 0x42E01F)),
        .anchored(sequence: 77, hash: (0..<32).map { UInt8($0) }),
    ])
    func `an event comes out of its record as it went in`(event: Event) {
        #expect(record(event).event == event)
    }

    @Test func `the end of a session keeps its reason and totals`() throws {
        var counters = SessionCounters()
        counters.packetsSent = 1
        counters.octetsSent = 2
        counters.packetsReceived = 3
        counters.octetsReceived = .max
        let ended = Event.ended(.consentExpired, SessionTotals(counters))
        #expect(record(ended).event == ended)
        for user in [0, 1000, .max] as [UInt32] {
            let closed = Event.ended(.kicked, SessionTotals(counters), by: user)
            #expect(record(closed).event == closed)
        }
    }
}
