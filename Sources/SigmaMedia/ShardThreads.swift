internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine
internal import SigmaSettings
internal import SigmaSystem

/// Starts the threads that carry media, and the one that shakes hands.
enum ShardThreads {
    /// What the control thread goes on with.
    struct Started: ~Copyable {
        var group: ShardGroup
        let handshakes: HandshakeThread
        let memory: Memory
    }

    /// What the session records and the journal of the process lie in, as long as anyone uses it.
    final class Memory: @unchecked Sendable {
        let slab: SharedMemory
        let journal: SharedMemory

        init(slabLength: Int, journalLength: Int) throws(SystemError) {
            slab = try SharedMemory(name: "sigma-sessions", byteCount: slabLength)
            journal = try SharedMemory(name: "sigma-journal", byteCount: journalLength)
        }
    }

    /// - Parameter sockets: Of each shard.
    static func start(
        _ settings: MediaSettings, _ identity: borrowing Identity, _ sockets: [[ShardSocket]]
    ) throws -> Started {
        let count = sockets.count
        let backend = try backend(settings)
        // Any of the shards may have all of the sessions, as far as 20 bits of slot go.
        let limit = min(settings.maximumSessions, SessionSlab.countLimit / count)
        let journalID = Entropy.octets(16)
        let memory = try Memory(
            slabLength: SessionSlab.byteCount(for: limit * count),
            journalLength: Journal.byteCount(capacity: Journal.defaultCapacity))
        SessionSlab.writeHeader(to: memory.slab.base, count: limit * count, journalID: journalID)
        let post = try NeighbourPost(shards: count)
        let results = post.bells.map { Mailbox<HandshakeThread.Result>($0) }
        let handshakes = try HandshakeThread(identity, results: results)
        let bell = try Bell()
        let reports = Mailbox<ShardReport>(bell)
        var commands: [Mailbox<ShardCommand>] = []
        var clocks: [ThreadClock] = []
        for index in 0..<count {
            commands.append(Mailbox(post.bells[index]))
            let ways = ShardWays(
                post: post, commands: commands[index], results: results[index], reports: reports,
                handshakes: handshakes)
            let plan = Plan(
                index: index, count: count, limit: limit, backend: backend,
                fingerprint: identity.fingerprint,
                processorLimit: Double(settings.processorLimit) / 100, memory: memory)
            let own = sockets[index]
            let thread = try SystemThread(name: "shard \(index)") { run(plan, own, ways) }
            clocks.append(thread.clock)
        }
        return Started(
            group: ShardGroup(
                commands: commands, reports: reports, bell: bell, threads: clocks,
                sessionLimit: settings.maximumSessions,
                journal: Journal(
                    formatting: memory.journal.base, capacity: Journal.defaultCapacity, id: journalID)),
            handshakes: handshakes, memory: memory)
    }

    private static func backend(_ settings: MediaSettings) throws(StartError) -> SRTPBackend {
        let backend: SRTPBackend = settings.srtpBackend == .ipsecMB ? .ipsecMB : .openssl
        guard backend.isAvailable else {
            throw StartError(
                description: "SIGMA_SRTP_BACKEND: this CPU or this build has no ipsec-mb; use openssl")
        }
        return backend
    }

    private struct Plan: Sendable {
        let index: Int
        let count: Int
        let limit: Int
        let backend: SRTPBackend
        let fingerprint: CertificateFingerprint
        let processorLimit: Double
        let memory: Memory

        /// Where its part of the slab begins.
        var records: UnsafeMutableRawPointer {
            memory.slab.base + SessionSlab.headerLength + index * limit * SessionRecord.length
        }
    }

    /// Events are handed over at the end of each round, in which a session has no more than four.
    private static func journalCapacity(_ plan: Plan) -> Int { max(4096, 4 * plan.limit) }

    /// On the shard's thread: what it makes here is in memory of its own, so that no cache line is written by two.
    private static func run(_ plan: Plan, _ sockets: [ShardSocket], _ ways: ShardWays) {
        var configuration = EngineConfiguration(entropy: Entropy.octets)
        configuration.sessionLimit = plan.limit
        configuration.srtpBackend = plan.backend
        configuration.loadLimits.processor = plan.processorLimit
        configuration.shard = plan.index
        configuration.shardCount = plan.count
        let capacity = journalCapacity(plan)
        let length = Journal.byteCount(capacity: capacity)
        let journal = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 128)
        defer { journal.deallocate() }
        let engine = Engine(
            configuration, fingerprint: plan.fingerprint,
            slab: SessionSlab(records: plan.records, count: plan.limit),
            journal: Journal(
                formatting: journal, capacity: capacity, id: Array(repeating: 0, count: 16)))
        do throws(SystemError) {
            var shard = try Shard(index: plan.index, engine: engine, sockets: sockets, ways: ways)
            try shard.run()
        } catch {
            ways.reports.post(.failed("\(error)"))
        }
    }
}
