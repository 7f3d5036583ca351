import FoundationEssentials
import Logging
import NIOCore
import SigmaControl
import SigmaSDP
import SigmaStore
import SigmaSystem

/// Joins HTTP, media and the store: what a client asks for becomes a session and a row, what media reports changes
/// the rooms and their history.
///
/// The table is what is believed now; it follows media at once. The store is what is remembered; a client hears of
/// success only when that is durable. Media's journal keeps its events until they are stored.
actor Switchboard {
    var table = RoomTable() {
        didSet {
            roomsDocument = nil
            roomFeed.changed()
        }
    }
    private var roomsDocument: ByteBuffer?
    /// Sessions whose opening failed on the way: media may have them, nobody wants them.
    var abandoned: Set<SessionID> = []
    var complaints = RareLine()
    private var storeComplaints = RareLine()
    /// Who waits for the end of a session to be stored.
    var endings: [SessionID: Pending<Void, Problem>] = [:]
    /// Of the connection to media, hexadecimal.
    var journal = ""
    /// An event was not stored: those after it wait in media's journal until it is.
    var isBehind = false
    /// What is stored has been read.
    var isLoaded = false
    /// Hashes of the ids in the last snapshot.
    var served: Set<Data> = []
    /// Reads what the rows say of the sessions that a snapshot has brought.
    var recollection: Task<Void, Never>?
    /// Events of media that leave no rows and have not been noted as seen.
    var passed: ClosedRange<Int64>?
    /// The history is the one that media was shown; else media is shown this one anew.
    var isAnchored = true
    private var mustResetAnchor = false
    let control: ControlClient
    let store: Store
    let logger: Logger
    private let roomFeed: RoomFeed
    private let eventFeed: EventFeed
    private let retention: Retention
    private let commits: AsyncStream<Store.Commit>

    /// How long what is stored is kept, ms; `nil`: for ever.
    struct Retention: Sendable {
        let history: Int64?
        let clients: Int64?
    }

    /// - Parameters:
    ///   - store: Opened, or to be opened when that works.
    ///   - commits: What the store has committed; the newest is enough.
    init(
        controlSocket: String, store: Store, commits: AsyncStream<Store.Commit>, retention: Retention,
        roomFeed: RoomFeed, eventFeed: EventFeed, logger: Logger
    ) {
        control = ControlClient(path: controlSocket, logger: logger) { await Self.position(in: store) }
        self.store = store
        self.commits = commits
        self.retention = retention
        self.roomFeed = roomFeed
        self.eventFeed = eventFeed
        self.logger = logger
    }

    /// All rooms by number, encoded: once for all who ask until something changes.
    func rooms(_ encode: @Sendable ([RoomSummary]) -> ByteBuffer) -> ByteBuffer {
        let document = roomsDocument ?? encode(table.summaries)
        roomsDocument = document
        return document
    }

    /// Serves until the task is cancelled.
    func run() async {
        await load()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.control.run { await self.handle($0) } }
            group.addTask { for await commit in self.commits { await self.committed(commit) } }
            group.addTask { await self.keepStore() }
        }
    }

    /// Media's hello; what there is in media is known then, with what the store says of it.
    ///
    /// - Throws: 503 while there is no connection.
    func mediaHello() async throws(Problem) -> MediaHello {
        guard let hello = await control.awaitedHello() else { throw .mediaUnavailable }
        await recollection?.value
        return hello
    }

    // MARK: The store

    /// Why nothing can be stored, `nil` while it can, and whether the history is the one that media was shown.
    var storageHealth: (failure: String?, isAnchored: Bool) {
        let failure = store.failure ?? (isLoaded ? nil : .inaccessible)
        return (failure?.description, isAnchored)
    }

    /// Unix time, ms.
    static func now() -> Int64 { SystemClock.unix() / 1_000_000 }

    /// Reads what is stored, once the store can be opened.
    private func load() async {
        guard !isLoaded, store.failure == nil, let state = try? await store.load() else { return }
        isLoaded = true
        eventFeed.begin(newest: state.head.sequence, recent: state.recent.map { LoggedEvent($0) })
        for row in state.rooms {
            if let room = Room(row) { table.restore(room) }
        }
        logger.info(
            "\(state.rooms.count) rooms and \(state.head.sequence) events of history in \(store.path)")
    }

    /// Finds out when a store that fails works again, and forgets what is old.
    private func keepStore() async {
        var pruned: Int64?
        while !Task.isCancelled {
            if isBehind || store.failure != nil { await recover() }
            let now = Self.now()
            if store.failure == nil, pruned.map({ now - $0 > Self.pruneInterval }) ?? true {
                pruned = now
                try? await store.retain(
                    history: retention.history.map { now - $0 }, clients: retention.clients.map { now - $0 })
            }
            try? await Task.sleep(for: Self.probeInterval)
        }
    }

    private static let probeInterval: Duration = .seconds(1)
    private static let pruneInterval: Int64 = 3_600_000

    private func recover() async {
        do {
            try await store.probe()
        } catch {
            return complainOfStore(error)
        }
        logger.info("the database \(store.path) can be written again")
        await load()
        if isBehind { await control.reconnect() }
    }

    /// Notes that an event of media was not stored.
    func fallBehind(_ error: StoreError) {
        isBehind = true
        complainOfStore(error)
    }

    private func complainOfStore(_ error: StoreError) {
        if storeComplaints.count(at: SystemClock.monotonic()) != nil {
            logger.error("SIGMA_DATABASE: \(store.path): \(error); what runs goes on, nothing new is taken")
        }
    }

    /// Shows media the head of the audit, and lets it forget the events that are stored.
    private func committed(_ commit: Store.Commit) async {
        await control.post(.anchor(anchor(commit.head)))
        if let position = commit.position, position.journal == journal, position.next > 1 {
            await control.acknowledge(UInt64(position.next - 1))
        }
    }

    private func anchor(_ head: AuditHead) -> Anchor {
        defer { mustResetAnchor = false }
        return message {
            $0.sequence = UInt64(clamping: head.sequence)
            $0.hash = Data(head.hash)
            $0.reset = mustResetAnchor
        }
    }

    /// Notes that media was shown another history than the one that is stored.
    func noteMismatch(_ anchor: AuditHead) {
        isAnchored = false
        mustResetAnchor = true
        logger.error(
            """
            SIGMA_DATABASE: \(store.path) is not the history that sigma-media was shown: row \(anchor.sequence) is \
            another or missing; if nobody restored a backup, it was changed
            """)
    }

    private static func position(in store: Store) async -> EventPosition {
        guard let position = try? await store.mediaPosition(),
            let journal = [UInt8](hexadecimal: position.journal.utf8)
        else { return EventPosition() }
        return message {
            $0.journalID = Data(journal)
            $0.nextNumber = UInt64(clamping: position.next)
        }
    }
}
