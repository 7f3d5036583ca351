import Foundation
import GRDB
import SigmaStore
import Synchronization

/// A store in a folder of its own, with a clock that the test sets.
final class StoreFixture: Sendable {
    let folder: URL
    private let time = Mutex<Int64>(1_000_000)
    private let current: Mutex<Store>
    private let commits = CommitLog()
    /// Where media's journal goes on, as it was said last.
    var position: MediaPosition? { commits.position.withLock(\.self) }

    var store: Store { current.withLock(\.self) }
    var path: String { folder.appending(path: "sigma.sqlite").path }
    /// Unix time, ms.
    var now: Int64 { time.withLock(\.self) }
    /// How often was committed, and the head after the last time.
    var committed: (count: Int, head: AuditHead) { commits.state.withLock(\.self) }

    static func with(_ body: (StoreFixture) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "sigma-store-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = StoreFixture(folder)
        try fixture.store.open()
        try await body(fixture)
        fixture.store.close()
    }

    /// - Parameter folder: Where the database is to be; it is not opened.
    init(_ folder: URL) {
        self.folder = folder
        current = Mutex(Store(path: "", clock: { 0 }))
        current.withLock { $0 = makeStore() }
    }

    /// Ends the store and opens the database with a new one, as a restart does.
    func reopen() throws {
        store.close()
        let next = makeStore()
        current.withLock { $0 = next }
        try next.open()
    }

    /// - Returns: The time it is then.
    @discardableResult
    func pass(milliseconds: Int64) -> Int64 {
        time.withLock {
            $0 += milliseconds
            return $0
        }
    }

    func reader() throws -> StoreReader { try StoreReader(path: path) }

    func kinds() async throws -> [String] { try await store.history(HistoryFilter()).map(\.kind) }

    /// Reads or writes past the store, by SQL.
    func raw<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.raw(path, body)
    }

    static func raw<Value>(_ path: String, _ body: (Database) throws -> Value) throws -> Value {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction(body)
    }

    private func makeStore() -> Store {
        Store(
            path: path, clock: { [weak self] in self?.now ?? 0 },
            committed: { [commits] commit in
                commits.state.withLock { $0 = ($0.count + 1, commit.head) }
                commits.position.withLock { $0 = commit.position ?? $0 }
            })
    }
}

private final class CommitLog: Sendable {
    let state = Mutex<(count: Int, head: AuditHead)>((0, .origin))
    let position = Mutex<MediaPosition?>(nil)
}

extension StoredRoom {
    static func lasting(_ id: Int64, _ name: String) -> StoredRoom {
        StoredRoom(id: id, name: name, isLasting: true, createdAt: 1, createdBy: "token")
    }
}

extension NewSession {
    static func publisher(_ id: UInt8, in room: Int64) -> NewSession {
        NewSession(idHash: .hash(id), room: room, role: .publisher, openedAt: 2)
    }

    static func viewer(_ id: UInt8, in room: Int64) -> NewSession {
        NewSession(idHash: .hash(id), room: room, role: .viewer, openedAt: 3)
    }

    /// A viewer of any number.
    static func viewer(numbered id: Int, in room: Int64) -> NewSession {
        NewSession(idHash: .hash(numbered: id), room: room, role: .viewer, openedAt: 3)
    }
}

extension MediaEvent {
    static let oneJournal = "0102"

    static func of(
        _ id: UInt8, _ role: StoredRole, in room: Int64, number: Int64, _ fact: Fact
    ) -> MediaEvent {
        MediaEvent(
            journal: oneJournal, number: number, time: 1_000 + number, idHash: .hash(id), room: room,
            role: role,
            fact: fact)
    }
}

extension Data {
    static func hash(_ id: UInt8) -> Data { Data(repeating: id, count: 32) }

    static func hash(numbered id: Int) -> Data { Data(SHA256.hash(Array("\(id)".utf8))) }
}
