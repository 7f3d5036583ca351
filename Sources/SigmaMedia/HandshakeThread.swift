internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine
internal import SigmaSystem
internal import Synchronization

/// Runs the ``Handshakes`` of all shards beside them: jobs in, results out, a wake-up each way.
///
/// A flood of handshakes so takes the time of another core, not that of media.
final class HandshakeThread: Sendable {
    struct Result: Sendable {
        let result: HandshakeResult
        /// Owed for a job, not a timer's.
        let isAnswer: Bool
    }

    private struct Queue {
        var jobs: [(shard: Int, job: HandshakeJob)] = []
        var isStopping = false
    }

    /// The connections of one shard; owned by the thread alone once it runs.
    private final class Worker: @unchecked Sendable {
        var handshakes: Handshakes
        /// Whether there were connections when it last had nothing to do.
        var hadConnections = false
        init(_ handshakes: consuming Handshakes) { self.handshakes = handshakes }
    }

    private let queue = Mutex(Queue())
    private let bell: Bell
    private let thread = Mutex<SystemThread?>(nil)

    /// - Parameter results: One mailbox for each shard.
    init(_ identity: borrowing Identity, results: [Mailbox<Result>]) throws {
        bell = try Bell()
        var workers: [Worker] = []
        for _ in results { workers.append(Worker(try Handshakes(identity))) }
        let all = workers
        let started = try SystemThread(name: "handshakes") { self.run(all, results) }
        var optional: SystemThread? = consume started
        thread.withLock { $0 = optional.take() }
    }

    func submit(_ jobs: [HandshakeJob], from shard: Int) {
        guard !jobs.isEmpty else { return }
        queue.withLock { queue in
            for job in jobs { queue.jobs.append((shard: shard, job: job)) }
        }
        bell.ring()
    }

    /// Lets the thread finish what it has and waits for its end.
    func stop() {
        queue.withLock { $0.isStopping = true }
        bell.ring()
        let running = thread.withLock { $0.take() }
        running?.join()
    }

    // MARK: The thread

    private func run(_ workers: [Worker], _ results: [Mailbox<Result>]) {
        do throws(SystemError) {
            var poll = try EventPoll()
            try poll.add(bell.number)
            while work(workers, results) {
                giveBackMemory(workers)
                let deadline = workers.compactMap { $0.handshakes.deadline }.min()
                _ = try poll.wait(milliseconds: SystemClock.milliseconds(until: deadline))
                bell.silence()
            }
        } catch {
            // Nobody could connect any more: better to be restarted.
            preconditionFailure("the handshake thread cannot wait: \(error)")
        }
    }

    /// Once the last connection of a burst is freed: its 74 KiB lie scattered in the heap, and would stay.
    private func giveBackMemory(_ workers: [Worker]) {
        var isDone = false
        for worker in workers {
            let count = worker.handshakes.count
            isDone = isDone || (count == 0 && worker.hadConnections)
            worker.hadConnections = count > 0
        }
        if isDone { FreeMemory.giveBack() }
    }

    /// - Returns: `false` when everything is done and nothing more will come.
    private func work(_ workers: [Worker], _ results: [Mailbox<Result>]) -> Bool {
        let jobs = queue.withLock { queue in
            defer { queue.jobs = [] }
            return queue.jobs
        }
        for (shard, job) in jobs {
            let now = Instant(nanoseconds: SystemClock.monotonic())
            results[shard].post(
                Result(result: workers[shard].handshakes.run(job, at: now), isAnswer: true))
        }
        let now = Instant(nanoseconds: SystemClock.monotonic())
        for (shard, worker) in workers.enumerated() {
            results[shard].post(
                worker.handshakes.advance(to: now).map { Result(result: $0, isAnswer: false) })
        }
        return queue.withLock { !($0.isStopping && $0.jobs.isEmpty) }
    }
}

extension SystemClock {
    /// What a poll has to wait until `deadline`: -1 for none.
    static func milliseconds(until deadline: Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let left = deadline.nanoseconds - monotonic()
        return left <= 0 ? 0 : Int32(clamping: left / 1_000_000 + 1)
    }
}
