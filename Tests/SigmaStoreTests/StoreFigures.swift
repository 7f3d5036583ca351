import Foundation
import GRDB
import SigmaStore
import Testing

/// Figures of the store; `SIGMA_BENCH=1 swift test -c release --filter 'Store: figures'` prints them.
@Suite(
    "Store: figures", .serialized, .enabled(if: ProcessInfo.processInfo.environment["SIGMA_BENCH"] != nil))
struct StoreFigures {
    @Test(arguments: [1, 10, 100, 1000])
    func `durable changes by submitters`(submitters: Int) async throws {
        try await StoreFixture.with { fixture in
            let each = max(1, min(4_000, submitters * 500) / submitters)
            let cost = try await Cost.of(fixture) {
                try await withThrowingTaskGroup { group in
                    for submitter in 0..<submitters {
                        group.addTask {
                            for change in 0..<each { try await Self.join(fixture, submitter * each + change) }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            print("\(submitters) submitters: \(cost.told(of: submitters * each, rows: 3))")
        }
    }

    @Test func `a thousand joins a second for ten seconds`() async throws {
        try await StoreFixture.with { fixture in
            let cost = try await Cost.of(fixture) {
                try await withThrowingTaskGroup { group in
                    let start = ContinuousClock.now
                    for number in 0..<10_000 {
                        try await Task.sleep(until: start + .milliseconds(number))
                        group.addTask { try await Self.join(fixture, number) }
                    }
                    try await group.waitForAll()
                }
            }
            print("1000 joins a second: \(cost.told(of: 10_000, rows: 3))")
        }
    }

    @Test func `a million rows`() async throws {
        try await StoreFixture.with { fixture in
            let (rows, size) = (1_000_000, 2_000)
            for first in stride(from: 0, to: rows / 4, by: size) {
                let now = fixture.pass(milliseconds: 60_000)
                try await fixture.store.submit { transaction in
                    for number in first..<first + size { try Self.live(number, at: now, &transaction) }
                }.value()
            }
            try Self.tell("verify") { _ = try fixture.reader().verify(anchors: []) }
            for (name, filter) in Self.filters(from: 1_000_000 + 60_000 * 100) {
                try await Self.tell(name) { _ = try await fixture.store.history(filter) }
            }
            try await Self.tell("load") { _ = try await fixture.store.load() }
            try await Self.tell("open sessions") {
                var filter = SessionFilter()
                filter.isOpen = true
                _ = try await fixture.store.sessions(filter)
            }
            try fixture.reopen()
            let now = fixture.now
            try await Self.tell("retain the youngest tenth") {
                try await fixture.store.retain(history: now - 60_000 * 12, clients: now)
            }
            let verified = try fixture.reader().verify(anchors: [])
            #expect(verified.fault == nil)
        }
    }

    /// A viewer that comes, is connected and leaves: four rows.
    private static func live(_ number: Int, at now: Int64, _ transaction: inout StoreTransaction) throws {
        let id = Data.hash(numbered: number)
        let room = Int64(number % 50 + 1)
        _ = try transaction.open(NewSession(idHash: id, room: room, role: .viewer, openedAt: now))
        let facts: [MediaEvent.Fact] = [
            .connected, .layerSwitched(layer: 1),
            .ended(
                reason: "requested", MediaEvent.Totals(octetsSent: 1, octetsReceived: 1), closedBy: nil),
        ]
        for (index, fact) in facts.enumerated() {
            // A few stay.
            if index == 2, number % 1_000 == 0 { break }
            let position = try transaction.nextNumber(of: "aa")
            try transaction.record(
                MediaEvent(
                    journal: "aa", number: position, time: now + Int64(index), idHash: id, room: room,
                    role: .viewer, fact: number % 100_000 == 1 ? .other : fact))
        }
    }

    private static func filters(from since: Int64) -> [(String, HistoryFilter)] {
        func filter(_ name: String, _ set: (inout HistoryFilter) -> Void) -> (String, HistoryFilter) {
            var filter = HistoryFilter()
            set(&filter)
            return (name, filter)
        }
        return [
            filter("first page") { _ in },
            filter("page in the middle") { $0.after = 500_000 },
            filter("last page, descending") { $0.isDescending = true },
            filter("room") { ($0.room, $0.after) = (7, 500_000) },
            filter("session") { $0.session = 120_000 },
            filter("rare kind") { $0.kinds = ["media_event"] },
            filter("rare kind of a room") { ($0.kinds, $0.room) = (["media_event"], 2) },
            filter("two frequent kinds") {
                ($0.kinds, $0.after) = (["viewer_joined", "viewer_left"], 500_000)
            },
            filter("since") { $0.since = since },
            filter("since, of a room") { ($0.since, $0.room) = (since, 7) },
            filter("an hour") { ($0.since, $0.until) = (since, since + 3_600_000) },
            filter("until, descending") { ($0.until, $0.isDescending) = (since, true) },
        ]
    }

    private static func join(_ fixture: StoreFixture, _ number: Int) async throws {
        try await fixture.store.submit { transaction in
            let session = try transaction.open(.viewer(numbered: number, in: 1))
            for _ in 0..<2 { try transaction.kick(session, room: 1, by: "uid 0") }
        }.value()
    }

    private static func tell(_ name: String, _ body: () throws -> Void) rethrows {
        print("\(name): \(try ContinuousClock().measure(body))")
    }

    private static func tell(_ name: String, _ body: () async throws -> Void) async rethrows {
        print("\(name): \(try await ContinuousClock().measure(body))")
    }
}

/// What some changes took.
private struct Cost {
    let seconds: Double
    let processorSeconds: Double
    let commits: Int

    static func of(_ fixture: StoreFixture, _ body: () async throws -> Void) async rethrows -> Cost {
        let (commits, processor) = (fixture.committed.count, Double(clock()))
        let duration = try await ContinuousClock().measure(body)
        let (seconds, fraction) = duration.components
        return Cost(
            seconds: Double(seconds) + Double(fraction) / 1e18,
            processorSeconds: (Double(clock()) - processor) / Double(CLOCKS_PER_SEC),
            commits: fixture.committed.count - commits)
    }

    func told(of changes: Int, rows: Int) -> String {
        let rate = Int(Double(changes) / seconds)
        let load = Int(processorSeconds / seconds * 100)
        return """
            \(rate) changes/s, \(rate * rows) rows/s, \(commits) commits for \(changes), \
            \(Int(seconds / Double(max(1, commits)) * 1e6)) us a commit, \(load) % of a core, \
            \(Int(processorSeconds / Double(changes) * 1e6)) us of processor a change
            """
    }
}
