import Foundation
import SigmaStore
import Synchronization

/// A store in a folder of its own, with a clock that the test sets.
final class StoreFixture: Sendable {
    let folder: URL
    let store: Store
    private let commits = Mutex<[Store.Commit]>([])

    static func with(_ body: (StoreFixture) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "sigma-store-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try StoreFixture(folder)
        try await body(fixture)
        fixture.store.close()
    }

    private init(_ folder: URL) throws {
        self.folder = folder
        let ticks = Mutex<Int64>(1_000_000)
        store = Store(
            path: folder.appending(path: "sigma.sqlite").path,
            clock: {
                ticks.withLock {
                    $0 += 1
                    return $0
                }
            })
        try store.open()
    }

    func reader() throws -> StoreReader { try StoreReader(path: store.path) }

    func kinds() async throws -> [String] { try await store.history(HistoryFilter()).map(\.kind) }
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
}

extension MediaEvent {
    static let journal = "0102"

    static func of(
        _ id: UInt8, _ role: StoredRole, in room: Int64, number: Int64, _ fact: Fact
    ) -> MediaEvent {
        MediaEvent(
            journal: journal, number: number, time: 1_000 + number, idHash: .hash(id), room: room, role: role,
            fact: fact)
    }
}

extension Data {
    static func hash(_ id: UInt8) -> Data { Data(repeating: id, count: 32) }
}
