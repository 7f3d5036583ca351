import Foundation
import SigmaStore
import Testing

@Suite("Store: groups of changes")
struct GroupTests {
    @Test func `what waits together is committed together, in order`() async throws {
        try await StoreFixture.with { fixture in
            let pending = (1...1_000).map { number in
                fixture.store.submit { try $0.kick(Int64(number), room: 1, by: "uid 0") }
            }
            for pending in pending { try await pending.value() }
            #expect(fixture.committed.count < 50)
            var filter = HistoryFilter()
            filter.limit = 1_000
            let rows = try await fixture.store.history(filter)
            #expect(rows.enumerated().allSatisfy { $1.body.contains("\"session\":\($0 + 1),") })
        }
    }

    @Test func `changes that come one by one do not cost a commit each`() async throws {
        try await StoreFixture.with { fixture in
            let start = ContinuousClock.now
            try await withThrowingTaskGroup { group in
                for number in 0..<500 {
                    try await Task.sleep(until: start + .milliseconds(number))
                    group.addTask { try await Self.change(fixture) }
                }
                try await group.waitForAll()
            }
            #expect(fixture.committed.count < 250)
        }
    }

    @Test func `somebody who awaits each change waits once in sixty-five`() {
        var (pacing, now) = (CommitPacing(), ContinuousClock.now)
        var delays = 0
        for _ in 0..<650 {
            now += .microseconds(500)
            if let delay = pacing.delay(at: now) {
                #expect(delay <= .milliseconds(3))
                delays += 1
                now += delay
                #expect(pacing.delay(at: now) == nil)
            }
            pacing.committed(1, at: now)
        }
        #expect(delays == 10)
    }

    @Test func `a change after a pause does not wait, and one that others join does`() {
        var (pacing, now) = (CommitPacing(), ContinuousClock.now)
        #expect(pacing.delay(at: now) == nil)
        for _ in 0..<10 {
            pacing.committed(4, at: now)
            now += .milliseconds(1)
            #expect(pacing.delay(at: now) == .milliseconds(2))
            now += .milliseconds(2)
        }
        pacing.committed(4, at: now)
        now += .milliseconds(3)
        #expect(pacing.delay(at: now) == nil)
    }

    @Test func `all that was submitted before the end is stored, and the rest fails`() async throws {
        try await StoreFixture.with { fixture in
            try await Self.change(fixture)
            let pending = (1...100).map { _ in
                fixture.store.submit { try $0.kick(1, room: 1, by: "uid 0") }
            }
            fixture.store.close()
            for pending in pending { try await pending.value() }
            await #expect(throws: StoreError.inaccessible) { try await Self.change(fixture) }
            let rows = try fixture.reader().verify(anchors: []).rows
            #expect(rows == 101)
        }
    }

    private static func change(_ fixture: StoreFixture) async throws(StoreError) {
        try await fixture.store.submit { try $0.kick(1, room: 1, by: "uid 0") }.value()
    }
}
