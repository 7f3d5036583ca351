import SigmaCore
import SigmaTestKit
import Testing

/// The journal against a list that forgets nothing, under random appends, acknowledgements and readers.
@Suite("Journal against its model")
struct JournalModelTests {
    private static let id = [UInt8](repeating: 9, count: 16)

    /// Everything that ever happened, and what each reader has been told.
    private struct Model {
        var times: [UInt64] = []
        var acknowledged: UInt64 = 0
        var lost: UInt64 = 0
        let capacity: Int

        var newest: UInt64 { UInt64(times.count) }
        var oldest: UInt64 { newest > UInt64(capacity) ? newest - UInt64(capacity) + 1 : 1 }

        mutating func append(_ time: UInt64) {
            times.append(time)
            if oldest > 1, oldest - 1 > acknowledged { lost += 1 }
        }
    }

    private struct Reader {
        var cursor: JournalCursor
        /// The next number it has to hear of.
        var expected: UInt64
    }

    private func withJournal(_ capacity: Int, _ body: (inout Journal) throws -> Void) rethrows {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: Journal.byteCount(capacity: capacity), alignment: 16)
        defer { memory.deallocate() }
        var journal = unsafe Journal(formatting: memory, capacity: capacity, id: Self.id)
        try body(&journal)
    }

    /// Lets a reader read up to `limit` entries, each against the model.
    private func read(
        _ reader: inout Reader, _ journal: borrowing Journal, _ model: Model, limit: Int
    ) -> String? {
        for _ in 0..<limit {
            switch reader.cursor.read(journal) {
            case nil:
                return reader.expected == model.newest + 1 ? nil : "stops at \(reader.expected)"
            case .gap(let first, let last)?:
                guard first == reader.expected, last == model.oldest - 1, last >= first else {
                    return "gap \(first) to \(last), expected \(reader.expected) to \(model.oldest - 1)"
                }
                reader.expected = last + 1
            case .event(let record)?:
                guard record.number == reader.expected, reader.expected >= model.oldest,
                    record.time == model.times[Int(record.number) - 1]
                else { return "event \(record.number), expected \(reader.expected)" }
                reader.expected += 1
            }
        }
        return nil
    }

    /// One run; what differs from the model, and the number of gaps that were told.
    private func run(_ seed: UInt64) -> String? {
        var random = SplitMix64(seed: seed)
        var finding: String?
        let capacity = Int.random(in: 1...20, using: &random)
        withJournal(capacity) { journal in
            var model = Model(capacity: capacity)
            var readers: [Reader] = []
            for step in 0..<400 where finding == nil {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4:
                    for _ in 0..<Int.random(in: 1...5, using: &random) {
                        let time = random.next()
                        journal.append(Self.record(step), time: time)
                        model.append(time)
                    }
                case 4:
                    let number = UInt64.random(in: 0...(model.newest + 3), using: &random)
                    journal.acknowledge(number)
                    if number <= model.newest { model.acknowledged = max(model.acknowledged, number) }
                case 5:
                    readers.append(Self.reader(journal, model, &random))
                case 6 where readers.count > 4:
                    readers.remove(at: Int.random(in: 0..<readers.count, using: &random))
                default:
                    guard let place = readers.indices.randomElement(using: &random) else { continue }
                    let limit = Int.random(in: 1...30, using: &random)
                    finding = read(&readers[place], journal, model, limit: limit)
                }
                let facts = [journal.newest, journal.oldest, journal.acknowledged, journal.lost]
                if facts != [model.newest, model.oldest, model.acknowledged, model.lost] {
                    finding = finding ?? "\(facts) is not the model's"
                }
            }
            for place in readers.indices where finding == nil {
                finding = read(&readers[place], journal, model, limit: 2_000)
                if readers[place].expected != model.newest + 1 { finding = finding ?? "stops early" }
            }
        }
        return finding
    }

    private static func reader(
        _ journal: borrowing Journal, _ model: Model, _ random: inout SplitMix64
    ) -> Reader {
        let isOurs = random.chance(0.7)
        let next = UInt64.random(in: 0...(model.newest + 4), using: &random)
        let cursor = JournalCursor(journal, id: isOurs ? id : [UInt8](repeating: 1, count: 16), next: next)
        return Reader(cursor: cursor, expected: isOurs && next > 0 ? min(next, model.newest + 1) : 1)
    }

    private static func record(_ step: Int) -> EventRecord {
        EventRecord(
            .keyframeInterval(mediaLine: 0, milliseconds: UInt32(step)),
            sessionID: SessionID(high: 1, low: 2),
            roomID: RoomID(rawValue: 3), role: .publisher)
    }

    @Test func `2000 random lives: every reader gets each event once, in order, or its exact gap`() {
        for seed in 0..<2_000 as Range<UInt64> {
            let finding = run(seed)
            #expect(finding == nil, "seed \(seed): \(finding ?? "")")
        }
    }

    @Test func `a reader that was overtaken is told once, then goes on`() {
        withJournal(4) { journal in
            for time in 1...10 as ClosedRange<UInt64> { journal.append(Self.record(0), time: time) }
            var cursor = JournalCursor(journal, id: Self.id, next: 3)
            var told: [String] = []
            while let entry = cursor.read(journal) {
                switch entry {
                case .event(let record): told.append("\(record.number)")
                case .gap(let first, let last): told.append("gap \(first) to \(last)")
                }
            }
            #expect(told == ["gap 3 to 6", "7", "8", "9", "10"])
        }
    }

    @Test func `the reader of another journal is told what it cannot have of this one`() {
        withJournal(4) { journal in
            for time in 1...5 as ClosedRange<UInt64> { journal.append(Self.record(0), time: time) }
            var cursor = JournalCursor(journal, id: [UInt8](repeating: 0, count: 16), next: 4)
            guard case .gap(first: 1, last: 1)? = cursor.read(journal) else {
                Issue.record("no gap")
                return
            }
            #expect(cursor.next == 2)
        }
    }
}
