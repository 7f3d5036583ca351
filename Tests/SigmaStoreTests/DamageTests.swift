import Foundation
import GRDB
import SigmaStore
import Testing

/// A file system of its own on a folder, while the test may mount one.
struct SmallDisk {
    let folder: URL

    static let isAvailable: Bool = {
        guard let disk = try? SmallDisk(kilobytes: 64) else { return false }
        disk.remove()
        return true
    }()

    init(kilobytes: Int) throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "sigma-disk-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        guard Self.run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", folder.path) else {
            try? FileManager.default.removeItem(at: folder)
            throw CocoaError(.fileWriteNoPermission)
        }
    }

    func remove() {
        _ = Self.run("umount", "--lazy", folder.path)
        try? FileManager.default.removeItem(at: folder)
    }

    func remount(_ options: String) -> Bool { Self.run("mount", "-o", "remount,\(options)", folder.path) }

    private static func run(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

@Suite("Store: a disk or a file that fails", .serialized)
struct DamageTests {
    // MARK: Full

    @Test(.enabled(if: SmallDisk.isAvailable))
    func `a full disk loses nothing that was acknowledged, and room on it brings the store back`()
        async throws
    {
        let disk = try SmallDisk(kilobytes: 1024)
        defer { disk.remove() }
        let fixture = StoreFixture(disk.folder)
        try fixture.store.open()
        let joined = await fixture.joinUntilRefused()
        #expect((joined.refusal, fixture.store.failure) == (.full, .full))
        #expect(joined.count > 100)
        // What was acknowledged is read meanwhile.
        #expect(try await fixture.store.session(Int64(joined.count)) != nil)
        #expect(disk.remount("size=4096k"))
        try await fixture.store.probe()
        #expect(fixture.store.failure == nil)
        _ = try await fixture.store.submit { try $0.open(.viewer(numbered: 0, in: 1)) }.value()
        try fixture.reopen()
        #expect(try fixture.viewersJoined() == joined.count + 1)
        fixture.store.close()
    }

    // MARK: Locked

    @Test(arguments: ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
    func `a lock of somebody else fails changes, and its end lets them pass`(begin: String) async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.store.submit { try $0.open(.viewer(1, in: 1)) }.value()
            let other = try Self.anotherProcess(fixture.path)
            try await other.writeWithoutTransaction { try $0.execute(sql: begin) }
            let waiting = (2...9).map { id in
                fixture.store.submit { try $0.open(.viewer(id, in: 1)) }
            }
            for pending in waiting { await #expect(throws: StoreError.locked) { try await pending.value() } }
            #expect(fixture.store.failure == .locked)
            #expect(try await fixture.store.sessions(SessionFilter()).count == 1)
            try await other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
            #expect(try await fixture.store.submit { try $0.open(.viewer(2, in: 1)) }.value() == 2)
            #expect(fixture.store.failure == nil)
            try other.close()
        }
    }

    @Test func `a lock at the start is waited for, then said, and probe opens later`() async throws {
        try await StoreFixture.with { fixture in
            fixture.store.close()
            let other = try Self.anotherProcess(fixture.path)
            try await other.writeWithoutTransaction {
                try $0.execute(
                    sql: "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE room SET id = id")
            }
            #expect(throws: StoreError.locked) { try fixture.reopen() }
            await #expect(throws: StoreError.locked) { try await fixture.fill() }
            try other.close()
            try await fixture.store.probe()
            try await fixture.fill()
        }
    }

    private static func anotherProcess(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    // MARK: Inaccessible

    @Test func `a folder that is missing is made good later`() async throws {
        let parent = FileManager.default.temporaryDirectory.appending(
            path: "sigma-store-\(UInt64.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(at: parent) }
        let fixture = StoreFixture(parent)
        #expect(throws: StoreError.inaccessible) { try fixture.store.open() }
        await #expect(throws: StoreError.inaccessible) { try await fixture.fill() }
        await #expect(throws: StoreError.inaccessible) { try await fixture.store.load() }
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        try await fixture.store.probe()
        try await fixture.fill()
        #expect(fixture.store.failure == nil)
        fixture.store.close()
    }

    @Test(.enabled(if: SmallDisk.isAvailable), arguments: [false, true])
    func `a read-only disk at the start is made good later`(hasFile: Bool) async throws {
        let disk = try SmallDisk(kilobytes: 2048)
        defer { disk.remove() }
        let fixture = StoreFixture(disk.folder)
        if hasFile {
            try fixture.store.open()
            try await fixture.fill()
            fixture.store.close()
        }
        #expect(disk.remount("ro"))
        #expect(throws: StoreError.inaccessible) { try fixture.store.open() }
        await #expect(throws: StoreError.inaccessible) { try await fixture.fill() }
        #expect(disk.remount("rw"))
        try await fixture.store.probe()
        try await fixture.fill()
        fixture.store.close()
    }

    @Test func `a file that is taken away is noticed before anything is acknowledged`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.fill()
            let aside = fixture.folder.appending(path: "aside.sqlite")
            try FileManager.default.moveItem(at: URL(filePath: fixture.path), to: aside)
            await #expect(throws: StoreError.inaccessible) { try await fixture.fill() }
            #expect(fixture.store.failure == .inaccessible)
            // It is not made anew: the history would be gone without a word.
            await #expect(throws: StoreError.inaccessible) { try await fixture.store.probe() }
            try FileManager.default.moveItem(at: aside, to: URL(filePath: fixture.path))
            try await fixture.store.probe()
            try await fixture.fill()
            let verified = try fixture.reader().verify(anchors: [])
            #expect((verified.fault, verified.rows) == (nil, 2))
        }
    }

    // MARK: Corrupt

    @Test func `a file that is no database is damage`() async throws {
        try await StoreFixture.with { fixture in
            fixture.store.close()
            try fixture.removeFiles()
            try Data(repeating: 0x5a, count: 20_000).write(to: URL(filePath: fixture.path))
            #expect(throws: StoreError.corrupt) { try fixture.reopen() }
            #expect(throws: StoreError.corrupt) { try fixture.reader().verify(anchors: []) }
            try fixture.removeFiles()
            try await fixture.store.probe()
            try await fixture.fill()
        }
    }

    @Test func `octets overwritten in the middle are found at the start, and a copy put there is opened`()
        async throws
    {
        try await StoreFixture.with { fixture in
            for _ in 0..<500 { try await fixture.fill() }
            let copy = fixture.folder.appending(path: "copy.sqlite")
            try fixture.reader().backup(to: copy.path)
            fixture.store.close()
            try fixture.overwritePages(from: 2)
            #expect(throws: StoreError.corrupt) { try fixture.reopen() }
            await #expect(throws: StoreError.corrupt) { try await fixture.fill() }
            try fixture.removeFiles()
            try FileManager.default.moveItem(at: copy, to: URL(filePath: fixture.path))
            try await fixture.store.probe()
            try await fixture.fill()
            let verified = try fixture.reader().verify(anchors: [])
            #expect((verified.fault, verified.rows) == (nil, 501))
        }
    }

    @Test func `damage that is met while running ends writing until the file is whole`() async throws {
        try await StoreFixture.with { fixture in
            for _ in 0..<200 { try await fixture.fill() }
            let copy = fixture.folder.appending(path: "copy.sqlite")
            try fixture.reader().backup(to: copy.path)
            try fixture.raw { _ = try $0.checkpoint(.truncate) }
            // Behind the schema.
            try fixture.overwritePages(from: 24)
            // Pages are read anew after somebody else has written; this is on the first.
            try fixture.raw { try $0.execute(sql: "PRAGMA user_version = 7") }
            await #expect(throws: StoreError.corrupt) { try await fixture.fill() }
            #expect(fixture.store.failure == .corrupt)
            await #expect(throws: StoreError.corrupt) { try await fixture.store.probe() }
            try fixture.removeFiles()
            try FileManager.default.moveItem(at: copy, to: URL(filePath: fixture.path))
            try await fixture.store.probe()
            #expect(try fixture.reader().verify(anchors: []).rows == 200)
        }
    }

    @Test func `a database of a newer version is left alone`() async throws {
        try await StoreFixture.with { fixture in
            try fixture.raw { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9999-later')") }
            #expect(throws: StoreError.newer) { try fixture.reopen() }
            await #expect(throws: StoreError.newer) { try await fixture.fill() }
        }
    }

    // MARK: One change of many

    @Test func `a change that fails takes no other with it, whatever the error`() async throws {
        try await StoreFixture.with { fixture in
            struct Whim: Error {}
            let huge = String(repeating: "x", count: 1 << 20)
            var pending: [Pending<Void, StoreError>] = []
            for round in 0..<50 {
                pending.append(fixture.store.submit { try $0.kick(Int64(round), room: 1, by: "uid 0") })
                let failing = fixture.store.submit { transaction in
                    try transaction.kick(-1, room: 1, by: huge)
                    throw Whim()
                }
                await #expect(throws: StoreError.other(0)) { try await failing.value() }
            }
            for pending in pending { try await pending.value() }
            #expect(fixture.store.failure == nil)
            let verified = try fixture.reader().verify(anchors: [])
            #expect((verified.fault, verified.rows) == (nil, 50))
        }
    }
}

extension StoreFixture {
    /// Adds one row.
    fileprivate func fill() async throws(StoreError) {
        try await store.submit { try $0.kick(1, room: 1, by: "uid 0") }.value()
    }

    /// Has viewers join, 20 at a time, until one is refused.
    fileprivate func joinUntilRefused() async -> (count: Int, refusal: StoreError?) {
        var count = 0
        for first in stride(from: 1, to: 20_000, by: 20) {
            let pending = (first..<first + 20).map { number in
                store.submit { try $0.open(.viewer(numbered: number, in: 1)) }
            }
            var refusal: StoreError?
            for pending in pending {
                do {
                    _ = try await pending.value()
                    count += 1
                } catch { refusal = error }
            }
            if let refusal { return (count, refusal) }
        }
        return (count, nil)
    }

    /// Viewers that the audit knows, where the database is whole and has a session for each.
    fileprivate func viewersJoined() throws -> Int? {
        guard try reader().verify(anchors: []).fault == nil else { return nil }
        return try raw { database in
            let verdict = try String.fetchOne(database, sql: "PRAGMA integrity_check")
            let sessions = try Int.fetchOne(database, sql: "SELECT count(*) FROM session")
            let joined = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM room_event WHERE kind = 'viewer_joined'")
            return verdict == "ok" && sessions == joined ? joined : nil
        }
    }

    fileprivate func removeFiles() throws {
        for file in [path, path + "-wal", path + "-shm"] where FileManager.default.fileExists(atPath: file) {
            try FileManager.default.removeItem(atPath: file)
        }
    }

    /// Writes over all pages but the first ones.
    fileprivate func overwritePages(from first: Int) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        let size = try handle.seekToEnd()
        try handle.seek(toOffset: UInt64(first) * 4096)
        try handle.write(contentsOf: Data(repeating: 0xa5, count: Int(size) - first * 4096))
        try handle.close()
    }
}
