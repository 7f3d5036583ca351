import Foundation
import GRDB
import SigmaStore
import Testing

@Suite("Store: random commands against a plain model")
struct StoreModelTests {
    /// Steps of one seed; each is up to 6 commands that wait together.
    private static let steps = 60

    @Test(arguments: Seeds.upTo(100))
    func `answers, rows and audit are those of the model, whatever is asked`(seed: UInt64) async throws {
        try await StoreFixture.with { fixture in
            var run = ModelRun(fixture, seed)
            for step in 0..<Self.steps {
                let difference = try await run.step(isThorough: step % 10 == 9)
                try #require(
                    difference == [], Seeds.command(seed, "answers, rows and audit", run.story + difference))
            }
        }
    }
}

/// One seed's commands, given to the store and to the model.
private struct ModelRun {
    private let fixture: StoreFixture
    private var source: StoreCommandSource
    private var model = StoreModel()
    /// What was done last.
    private var done: [StoreCommand?] = []
    var story: [String] { done.suffix(30).map { $0.map { "\($0)" } ?? "reopen" } }

    init(_ fixture: StoreFixture, _ seed: UInt64) {
        self.fixture = fixture
        source = StoreCommandSource(seed)
    }

    /// Has up to six commands done together, or the store opened anew.
    ///
    /// - Returns: In what the store is unlike the model.
    mutating func step(isThorough: Bool) async throws -> [String] {
        if Int.random(in: 0..<20, using: &source.numbers) == 0 {
            done.append(nil)
            try fixture.reopen()
        }
        let now = fixture.pass(milliseconds: 5)
        // All of them have the same time, whether they are committed together or not.
        var expected: [String] = []
        var pending: [Pending<String, StoreError>] = []
        for _ in 0..<Int.random(in: 1...6, using: &source.numbers) {
            let command = source.next(at: now, model: model)
            done.append(command)
            expected.append(Self.answer { try model.run(command, at: now) })
            pending.append(fixture.store.submit { try command.run(&$0) })
        }
        var answers: [String] = []
        for pending in pending {
            do { answers.append(try await pending.value()) } catch { answers.append("\(error)") }
        }
        guard answers == expected else { return ["answered \(answers) instead of \(expected)"] }
        // Media forgets what it is told is stored.
        if let told = fixture.position, told.next != model.positions[told.journal] {
            return ["media was told \(told) instead of \(model.positions)"]
        }
        return isThorough ? try differences() : []
    }

    private static func answer(_ body: () throws -> String) -> String {
        do { return try body() } catch { return "\(error)" }
    }

    private func differences() throws -> [String] {
        let verified = try fixture.reader().verify(anchors: [])
        let stored = try fixture.raw { try StoreModel(reading: $0) }
        return stored.differences(from: model)
            + (verified.fault.map { ["\($0)"] } ?? [])
            + (verified.head.sequence == model.last ? [] : ["the head is \(verified.head.sequence)"])
    }
}
