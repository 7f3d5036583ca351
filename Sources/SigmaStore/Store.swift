import Dispatch
import FoundationEssentials
import GRDB
import GRDBSQLite
import Synchronization

/// Rooms, sessions and their history in an SQLite database that this process alone writes.
///
/// What is submitted is done in the order of submission. All that waits while a transaction is being committed
/// goes into the next one, which ``CommitPacing`` may delay, so that a thousand changes a second do not cost a
/// thousand `fsync`s; each has its answer only when it is durable (`synchronous=FULL`). A change that throws takes none of the others with it,
/// a commit that fails takes all.
package final class Store: Sendable {
    /// What a transaction has left behind.
    package struct Commit: Sendable {
        package let head: AuditHead
        /// In order; none where the changes have no place in the audit.
        package let records: [AuditRecord]
        /// `nil` where it has not moved.
        package let position: MediaPosition?
    }

    private struct Work: Sendable {
        let run: @Sendable (inout StoreTransaction) throws -> Void
        let finish: @Sendable (StoreError?) -> Void
    }

    private struct State {
        var waiting: [Work] = []
        var isRunning = false
        var pacing = CommitPacing()
        var error: StoreError?
        var pool: DatabasePool?
        /// Whether there was a database once: then a file that is missing is not made again.
        var wasOpen = false
        /// Whether the log of SQLite may have personal data that was erased.
        var mustEmptyLog = true
    }

    package let path: String
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "sigma.store")
    private let committed: @Sendable (Commit) -> Void
    private let clock: @Sendable () -> Int64

    /// Changes in one transaction, at most: what a slow disk may hold up.
    private static let groupLimit = 2048

    /// - Parameters:
    ///   - path: Of the database file, which is made where it is missing.
    ///   - clock: Unix time, ms.
    ///   - committed: Called after each commit that the audit or media's journal may care for, in order, on a queue of the store's.
    package init(
        path: String, clock: @escaping @Sendable () -> Int64,
        committed: @escaping @Sendable (Commit) -> Void = { _ in }
    ) {
        self.path = path
        self.clock = clock
        self.committed = committed
        state = Mutex(State())
    }

    /// Opens the database and migrates it.
    ///
    /// What is submitted before or without success fails with the error.
    package func open() throws(StoreError) {
        try queue.sync { openInTurn() }.get()
    }

    private func openInTurn() -> Result<Void, StoreError> {
        let (isOpen, wasOpen, failure) = state.withLock { ($0.pool != nil, $0.wasOpen, $0.error) }
        guard !isOpen else { return .success(()) }
        do {
            guard !wasOpen || FileManager.default.fileExists(atPath: path) else {
                throw StoreError.inaccessible
            }
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            do {
                try Self.migrate(pool)
                try pool.read { try Self.check($0, wasDamaged: failure == .corrupt) }
            } catch {
                try? pool.close()
                throw error
            }
            state.withLock {
                $0.pool = pool
                $0.wasOpen = true
                $0.error = nil
            }
            return .success(())
        } catch {
            let error = StoreError(error)
            state.withLock { $0.error = error }
            return .failure(error)
        }
    }

    /// Ends after all that was submitted.
    package func close() {
        queue.sync {
            drain(isLast: true)
            let pool = state.withLock { state in
                defer { state.pool = nil }
                return state.pool
            }
            try? pool?.close()
        }
    }

    /// Why the last commit failed; `nil` while the store works.
    ///
    /// A disk that was full and a lock that was held are tried again with each change. After everything else the
    /// files are let go, and ``probe()`` opens them again: what is damaged is not written any more.
    package var failure: StoreError? { state.withLock { $0.error } }

    // MARK: Writing

    /// Has `work` done in its turn.
    ///
    /// - Parameter failed: Called as well where it is not.
    /// - Returns: What it returned, once that is durable.
    package func submit<Value: Sendable>(
        _ work: @escaping @Sendable (inout StoreTransaction) throws -> Value,
        failed: (@Sendable (StoreError) -> Void)? = nil
    ) -> Pending<Value, StoreError> {
        let pending = Pending<Value, StoreError>()
        let value = Mutex<Value?>(nil)
        enqueue(
            Work { transaction in
                let result = try work(&transaction)
                value.withLock { $0 = result }
            } finish: { error in
                if let error {
                    failed?(error)
                    pending.complete(.failure(error))
                } else if let value = value.withLock(\.self) {
                    pending.complete(.success(value))
                } else {
                    pending.complete(.failure(.other(0)))
                }
            })
        return pending
    }

    /// Finds out whether writing works again.
    package func probe() async throws(StoreError) {
        let opened = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.openInTurn()) }
        }
        try opened.get()
        let now = clock()
        try await submit { transaction in
            try transaction.execute(
                "INSERT INTO probe (id, time) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET time = excluded.time",
                [now])
        }.value()
    }

    private func enqueue(_ work: Work) {
        let mustStart = state.withLock { state in
            state.waiting.append(work)
            guard !state.isRunning else { return false }
            state.isRunning = true
            return true
        }
        if mustStart { queue.async { self.drain() } }
    }

    /// Commits what waits, group by group, until nothing does or more is to be waited for.
    private func drain(isLast: Bool = false) {
        while true {
            let (group, delay) = state.withLock { state -> ([Work], Duration?) in
                if state.waiting.isEmpty { state.isRunning = false }
                let isFull = isLast || state.waiting.isEmpty || state.waiting.count >= Self.groupLimit
                if !isFull, let delay = state.pacing.delay(at: .now) { return ([], delay) }
                let group = Array(state.waiting.prefix(Self.groupLimit))
                state.waiting.removeFirst(group.count)
                return (group, nil)
            }
            if let delay {
                let (seconds, fraction) = delay.components
                let time = Double(seconds) + Double(fraction) / 1e18
                return queue.asyncAfter(deadline: .now() + time) { self.drain() }
            }
            guard !group.isEmpty else { return }
            commit(group)
            state.withLock { $0.pacing.committed(group.count, at: .now) }
        }
    }

    private func commit(_ group: [Work]) {
        guard let pool else {
            let error = failure ?? .inaccessible
            for work in group { work.finish(error) }
            return
        }
        var outcomes: [StoreError?] = []
        var commit: Commit?
        do {
            try pool.writeWithoutTransaction { database in
                try Self.requireInPlace(database)
                try database.inTransaction(.immediate) {
                    var transaction = try StoreTransaction(database, now: clock())
                    for work in group { outcomes.append(try Self.run(work, in: &transaction)) }
                    commit = Commit(
                        head: transaction.head, records: transaction.records, position: transaction.position)
                    if transaction.hasErased { state.withLock { $0.mustEmptyLog = true } }
                    return .commit
                }
                emptyLog(database)
            }
            state.withLock { $0.error = nil }
        } catch {
            let error = StoreError(error)
            fail(error)
            for work in group { work.finish(error) }
            return
        }
        if let commit, !commit.records.isEmpty || commit.position != nil { committed(commit) }
        for (work, outcome) in zip(group, outcomes) { work.finish(outcome) }
    }

    private func fail(_ error: StoreError) {
        let pool = state.withLock { state -> DatabasePool? in
            state.error = error
            guard error.needsReopening else { return nil }
            defer { state.pool = nil }
            return state.pool
        }
        try? pool?.close()
    }

    /// Has SQLite's log emptied where it may have what was erased: it keeps pages as they were.
    ///
    /// Somebody who reads may be in the way; then it is tried again after the next commit.
    private func emptyLog(_ database: Database) {
        guard state.withLock(\.mustEmptyLog) else { return }
        do {
            try database.execute(sql: "PRAGMA busy_timeout = 0")
            defer { try? database.execute(sql: "PRAGMA busy_timeout = \(Int(Self.patience * 1000))") }
            try database.checkpoint(.truncate)
            state.withLock { $0.mustEmptyLog = false }
        } catch {}
    }

    /// - Throws: ``StoreError/inaccessible`` where the file was removed or replaced: what is written to it then is lost.
    private static func requireInPlace(_ database: Database) throws {
        var hasMoved: CInt = 0
        sqlite3_file_control(database.sqliteConnection, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        guard hasMoved != 0 else { return }
        // Its log lies where that of another database would be looked for.
        _ = try? database.checkpoint(.truncate)
        throw StoreError.inaccessible
    }

    /// - Returns: Why it was not done.
    /// - Throws: What nothing else of the group will survive either.
    private static func run(_ work: Work, in transaction: inout StoreTransaction) throws -> StoreError? {
        do {
            try transaction.atomically { try work.run(&$0) }
            return nil
        } catch {
            let error = StoreError(error)
            // SQLite ends the transaction itself after some errors.
            if error.isOfWholeStore || !transaction.database.isInsideTransaction { throw error }
            return error
        }
    }

    // MARK: Reading

    /// Reads what is committed; writing goes on meanwhile.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        guard let pool else { throw failure ?? .inaccessible }
        do { return try await pool.read(body) } catch { throw StoreError(error) }
    }

    private var pool: DatabasePool? { state.withLock { $0.pool } }
}
