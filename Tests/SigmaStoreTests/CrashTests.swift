import Foundation
import GRDB
import SigmaStore
import Synchronization
import Testing

/// The files of a database as a crash left them.
struct CrashedFiles {
    var database: Data
    var log: Data

    init(_ path: String) throws {
        database = try Data(contentsOf: URL(filePath: path))
        log = (try? Data(contentsOf: URL(filePath: path + "-wal"))) ?? Data()
    }

    /// What a new start finds.
    func recovered(in folder: URL) throws -> Recovered {
        let path = folder.appending(path: "crashed-\(UInt64.random(in: 0 ... .max)).sqlite").path
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
        try database.write(to: URL(filePath: path))
        try log.write(to: URL(filePath: path + "-wal"))
        return try StoreFixture.raw(path) {
            try $0.execute(sql: "PRAGMA synchronous = OFF")
            return try Recovered($0, path)
        }
    }
}

/// What is left after a crash.
struct Recovered {
    let integrity: String?
    let verification: Verification
    /// Whether each session has the two rows that were stored with it, and there is no other row.
    let wholePairs: Bool

    init(_ database: Database, _ path: String) throws {
        integrity = try String.fetchOne(database, sql: "PRAGMA integrity_check")
        verification = try StoreReader(path: path).verify(anchors: [])
        let counts = try Row.fetchOne(
            database,
            sql: """
                SELECT (SELECT count(*) FROM session) AS sessions,
                    (SELECT count(*) FROM room_event WHERE kind = 'viewer_joined') AS joined,
                    (SELECT count(*) FROM room_event WHERE kind = 'kicked') AS kicked,
                    (SELECT count(*) FROM session
                     JOIN room_event AS one ON one.session = session.number AND one.kind = 'viewer_joined'
                     JOIN room_event AS two ON two.session = session.number AND two.kind = 'kicked') AS whole
                """)
        wholePairs = Set(counts.map { Array($0.databaseValues) } ?? []).count == 1
    }

    /// Whether it is a prefix of what was done, with all that was acknowledged.
    func holds(_ acknowledged: Int64) -> Bool {
        integrity == "ok" && verification.fault == nil && wholePairs
            && verification.head.sequence >= acknowledged
    }
}

/// How far writers have come.
private final class Progress: Sendable {
    let acknowledged = Mutex<Int64>(0)
    let isDone = Mutex(false)

    func reach(_ sequence: Int64) { acknowledged.withLock { $0 = max($0, sequence) } }
}

@Suite("Store: crashes", .serialized)
struct CrashTests {
    /// `SIGMA_SEEDS=50000` for the 10 000 points that are promised.
    private static let points = Int(Seeds.upTo(2_000).upperBound)

    @Test func `files copied at any moment have all that was acknowledged, and nothing half`() async throws {
        try await StoreFixture.with { fixture in
            let progress = Progress()
            let writing = Task {
                await withTaskGroup { group in
                    for first in stride(from: 0, to: 1_600_000, by: 100_000) {
                        group.addTask { await Self.join(fixture, first..<first + 300) { progress.reach($0) } }
                    }
                }
                progress.isDone.withLock { $0 = true }
            }
            var copies = 0
            while !progress.isDone.withLock(\.self) {
                // The writers may have one thread only.
                await Task.yield()
                let known = progress.acknowledged.withLock(\.self)
                let before = try Data(contentsOf: URL(filePath: fixture.path))
                let files = try CrashedFiles(fixture.path)
                // A copy is not made in one moment, as a crash is: none that a checkpoint passed through counts.
                let after = try Data(contentsOf: URL(filePath: fixture.path))
                guard before == files.database, before == after, !files.log.isEmpty else { continue }
                copies += 1
                let recovered = try files.recovered(in: fixture.folder)
                try #require(recovered.holds(known), "\(recovered) after \(known) were acknowledged")
            }
            await writing.value
            #expect(copies > 4)
            #expect(try fixture.reader().verify(anchors: []).rows == 16 * 300 * 2)
        }
    }

    @Test func `a log cut off anywhere, or torn, leaves what was acknowledged before that point`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let (files, marks) = try await Self.filesWithLog(fixture, commits: 40)
            var numbers = SeededNumbers(7)
            let noise = Data((0..<20_000).map { _ in UInt8.random(in: 0 ... .max, using: &numbers) })
            for point in 0..<Self.points {
                let cut = Self.cut(point, of: files.log.count, &numbers)
                var crashed = files
                crashed.log = files.log.prefix(cut)
                if point % 3 == 0 {
                    // What was not yet synced may be anything.
                    crashed.log += noise.prefix(files.log.count - cut)
                }
                let acknowledged = marks.last { $0.octets <= cut }?.sequence ?? 0
                let recovered = try crashed.recovered(in: fixture.folder)
                try #require(
                    recovered.holds(acknowledged), "cut at \(cut): \(recovered) after \(acknowledged)")
            }
        }
    }

    @Test func `a database file half checkpointed, or cut off, is made whole by the log`() async throws {
        try await StoreFixture.with { fixture in
            let (old, marks) = try await Self.filesWithLog(fixture, commits: 40)
            try fixture.raw { _ = try $0.checkpoint(.passive) }
            let new = try CrashedFiles(fixture.path)
            try #require(new.log == old.log && new.database.count > old.database.count)
            var numbers = SeededNumbers(8)
            for point in 0..<Self.points / 2 {
                var crashed = new
                for page in 0..<old.database.count / 4096 where Bool.random(using: &numbers) {
                    let octets = page * 4096..<(page + 1) * 4096
                    crashed.database.replaceSubrange(octets, with: old.database[octets])
                }
                let size = Int.random(in: old.database.count...new.database.count, using: &numbers)
                crashed.database = crashed.database.prefix(size)
                let recovered = try crashed.recovered(in: fixture.folder)
                try #require(
                    recovered.holds(marks.last?.sequence ?? 0), "point \(point), cut to \(size): \(recovered)"
                )
            }
        }
    }

    @Test func `a checkpoint row is durable before the first row is pruned`() async throws {
        try await StoreFixture.with { fixture in
            await Self.join(fixture, 0..<200) { _ in }
            var checkpoint: Int64 = 0
            let folder = fixture.folder
            let path = fixture.path
            let now = fixture.pass(milliseconds: 1)
            let retention = Task { try await fixture.store.retain(history: now, clients: nil) }
            while checkpoint == 0 {
                await Task.yield()
                let files = try CrashedFiles(path)
                guard files.database == (try Data(contentsOf: URL(filePath: path))) else { continue }
                let recovered = try files.recovered(in: folder)
                #expect(recovered.integrity == "ok" && recovered.verification.fault == nil)
                checkpoint = recovered.verification.checkpoint.sequence
            }
            try await retention.value
            #expect(checkpoint == 399)
            #expect(try await fixture.store.historyBounds() == 400...401)
        }
    }

    /// A copy with 60 commits in the database file, and more in the log, with the length of the log after each.
    private static func filesWithLog(
        _ fixture: StoreFixture, commits: Int
    ) async throws -> (CrashedFiles, [(octets: Int, sequence: Int64)]) {
        await join(fixture, 0..<60) { _ in }
        try fixture.raw { _ = try $0.checkpoint(.truncate) }
        let log = URL(filePath: fixture.path + "-wal")
        var marks: [(octets: Int, sequence: Int64)] = []
        for number in 60..<60 + commits {
            let progress = Progress()
            await join(fixture, number..<number + 1) { progress.reach($0) }
            marks.append((try Data(contentsOf: log).count, progress.acknowledged.withLock(\.self)))
        }
        let files = try CrashedFiles(fixture.path)
        try #require(marks.last?.octets == files.log.count)
        return (files, marks)
    }

    /// Where frames begin and end, and anywhere else.
    private static func cut(_ point: Int, of length: Int, _ numbers: inout SeededNumbers) -> Int {
        let (header, frame) = (32, 4096 + 24)
        guard point % 2 == 0 else { return Int.random(in: 0...length, using: &numbers) }
        let whole = Int.random(in: 0...(length - header) / frame, using: &numbers)
        return max(0, min(length, header + whole * frame + Int.random(in: -1...1, using: &numbers)))
    }

    /// Has viewers join, one after the other; each change is a session and two rows.
    private static func join(
        _ fixture: StoreFixture, _ numbers: Range<Int>, _ acknowledged: @escaping @Sendable (Int64) -> Void
    ) async {
        for number in numbers {
            let change = fixture.store.submit { transaction in
                let session = try transaction.open(.viewer(numbered: number, in: 1))
                try transaction.kick(session, room: 1, by: "uid 0")
                return transaction.head.sequence
            }
            guard let sequence = try? await change.value() else { return }
            acknowledged(sequence)
        }
    }
}
