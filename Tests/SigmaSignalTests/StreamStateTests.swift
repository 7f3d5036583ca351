import NIOCore
import SigmaSignal
import Testing

/// Numbers that a seed makes (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A client, the log and what is between them, one small step at a time in any order.
private struct Interleaving {
    enum Heard: Equatable {
        case event(Int64)
        case reset(Int64)
    }

    var random: Seeded
    let log = TestLog()
    var tail: EventTail
    var cursor: EventCursor
    /// Durable, and not yet in the tail.
    var late: [LoggedEvent] = []
    /// A page that the client waits for, as the log gave it.
    var page: (events: [LoggedEvent], newest: Int64)?
    var heard: [Heard] = []
    /// What the client knows last.
    var id: Int64 = 0

    init(seed: UInt64) {
        random = Seeded(state: seed)
        _ = log.commit(Array(repeating: "a", count: Int.random(in: 0...9, using: &random)))
        tail = EventTail(newest: log.newest, maximumCount: 4)
        cursor = EventCursor(after: 0, newest: tail.newest)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<12, using: &random) {
        case 0...2:
            late += log.commit(Array(repeating: "a", count: Int.random(in: 1...4, using: &random)))
        case 3...4:
            for event in late { tail.append(event) }
            late = []
        case 5 where Int.random(in: 0..<4, using: &random) == 0:
            log.prune(before: Int64.random(in: 0...log.newest + 1, using: &random))
        case 6 where Int.random(in: 0..<3, using: &random) == 0:
            // Comes back with what it knows.
            page = nil
            cursor = EventCursor(after: id, newest: tail.newest)
            hearReset()
        default:
            try send()
        }
    }

    mutating func drain() throws {
        for event in late { tail.append(event) }
        late = []
        while page != nil || cursor.source(first: tail.first, newest: tail.newest) != .nothing { try send() }
    }

    private mutating func send() throws {
        if let (events, newest) = page {
            page = nil
            let following = cursor.read(events, newest: newest)
            hearReset()
            for event in following { hear(event.sequence) }
            return
        }
        switch cursor.source(first: tail.first, newest: tail.newest) {
        case .nothing: break
        case .log(let newest): page = (try log.page(after: cursor.position, limit: 3), newest)
        case .tail:
            let begin = cursor.position
            let found = tail.chunk(after: begin, for: .operators)
            let chunk = try #require(found)
            cursor.advance(through: chunk.through)
            for sequence in begin + 1...chunk.through { hear(sequence) }
        }
    }

    private mutating func hearReset() {
        guard let oldest = cursor.takeReset() else { return }
        heard.append(.reset(oldest))
        id = oldest - 1
    }

    private mutating func hear(_ sequence: Int64) {
        heard.append(.event(sequence))
        id = sequence
    }
}

@Suite("Events of a stream, in any order of things")
struct StreamStateTests {
    @Test(arguments: 0..<400 as Range<UInt64>)
    func `every event is heard once, unless a reset says it is gone`(seed: UInt64) throws {
        var run = Interleaving(seed: seed)
        for _ in 0..<400 { try run.step() }
        try run.drain()
        var next: Int64 = 1
        for heard in run.heard {
            switch heard {
            case .event(let sequence):
                #expect(sequence == next)
                next = sequence + 1
            case .reset(let oldest):
                #expect(oldest > next)
                next = oldest
            }
        }
        #expect(next == run.log.newest + 1)
    }

    @Test func `without a number a stream begins now`() {
        let cursor = EventCursor(after: nil, newest: 7)
        #expect(cursor.source(first: 3, newest: 7) == .nothing)
        #expect(cursor.source(first: 3, newest: 8) == .tail)
    }

    @Test(arguments: [8, .max, -1, .min] as [Int64])
    func `a number that is none yet is told so, and goes on from now`(id: Int64) {
        var cursor = EventCursor(after: id, newest: 7)
        let resets = [cursor.takeReset(), cursor.takeReset()]
        #expect(resets == [8, nil])
        #expect(cursor.position == 7)
    }

    @Test func `a page that is all pruned is a reset to what follows it`() {
        var cursor = EventCursor(after: 2, newest: 7)
        #expect(cursor.source(first: 8, newest: 7) == .log(newest: 7))
        let events = cursor.read([], newest: 7)
        let reset = cursor.takeReset()
        #expect(events.isEmpty && reset == 8)
        #expect(cursor.source(first: 8, newest: 8) == .tail)
    }

    @Test func `the tail is bounded by number and by octets`() {
        var tail = EventTail(newest: 0, maximumCount: 3, maximumLength: 400)
        for number in 1...5 as ClosedRange<Int64> {
            tail.append(LoggedEvent(sequence: number, kind: "a", body: "{}"))
        }
        #expect((tail.first...tail.newest) == 3...5)
        let long = #"{"a":"\#(String(repeating: "b", count: 500))"}"#
        tail.append(LoggedEvent(sequence: 6, kind: "a", body: long))
        #expect((tail.first...tail.newest) == 6...6)
        let through = [4, 5, 6].map { tail.chunk(after: $0, for: .operators)?.through }
        #expect(through == [nil, 6, nil])
    }

    @Test func `what is known already is not taken twice, and a gap begins anew`() {
        var tail = EventTail(newest: 2)
        for number in [1, 3, 3, 2, 4, 9] as [Int64] {
            tail.append(LoggedEvent(sequence: number, kind: "a", body: "{}"))
        }
        #expect((tail.first...tail.newest) == 9...9)
    }

    @Test func `who may not hear a kind is spared it`() throws {
        var tail = EventTail(newest: 0)
        for (number, kind) in ["a", "b", "a", "b"].enumerated() {
            tail.append(LoggedEvent(sequence: Int64(number) + 1, kind: kind, body: "{}"))
        }
        let forSome = tail.chunk(after: 0, for: EventAudience(kinds: ["b"]))
        let some = try #require(forSome)
        #expect(some.through == 4)
        #expect(
            String(buffer: some.octets)
                == "id: 2\nevent: b\ndata: {}\n\nid: 4\nevent: b\ndata: {}\n\n")
        let forNone = tail.chunk(after: 0, for: EventAudience(kinds: []))
        let none = try #require(forNone)
        #expect(none.through == 4)
        #expect(none.octets.readableBytes == 0)
    }

    @Test func `a chunk has 64 KiB at most, and one event at least`() throws {
        var tail = EventTail(newest: 0)
        let body = String(repeating: "x", count: 40_000)
        for number in 1...3 as ClosedRange<Int64> {
            tail.append(LoggedEvent(sequence: number, kind: "a", body: body))
        }
        let first = tail.chunk(after: 0, for: .operators)
        #expect(first?.through == 1)
        let longer = String(repeating: "x", count: 80_000)
        tail.append(LoggedEvent(sequence: 4, kind: "a", body: longer))
        let last = tail.chunk(after: 3, for: .operators)
        #expect(last?.through == 4)
    }

    @Test func `a line break in an event's data is one for the reader`() throws {
        var tail = EventTail(newest: 0)
        tail.append(LoggedEvent(sequence: 1, kind: "a", body: "{\n}\r\ndata: x\r"))
        let found = tail.chunk(after: 0, for: .operators)
        let chunk = try #require(found)
        let text = "id: 1\nevent: a\ndata: {\ndata: }\ndata: data: x\ndata: \n\n"
        #expect(String(buffer: chunk.octets) == text)
    }
}

@Suite("When all are told")
struct StreamPaceTests {
    private func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds)
    }

    @Test func `the first change is told at once, the next after a rest`() {
        var pace = StreamPace(rest: .milliseconds(50))
        let steps = [
            pace.changed(at: at(0)), pace.told(at: at(1)), pace.changed(at: at(10)),
            pace.changed(at: at(20)), pace.due(at: at(50)), pace.due(at: at(51)), pace.told(at: at(52)),
            pace.changed(at: at(200)),
        ]
        #expect(
            steps == [
                .tell, .nothing, .wait(until: at(51)), .nothing, .wait(until: at(51)), .tell, .nothing, .tell,
            ])
    }

    @Test func `a change while all are told is told afterwards, when others had twice the time`() {
        var pace = StreamPace(rest: .milliseconds(50))
        let steps = [
            pace.changed(at: at(0)), pace.changed(at: at(10)), pace.told(at: at(40)),
            pace.changed(at: at(100)), pace.due(at: at(120)),
        ]
        #expect(steps == [.tell, .nothing, .wait(until: at(120)), .nothing, .tell])
    }
}
