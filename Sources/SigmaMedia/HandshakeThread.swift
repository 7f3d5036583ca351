internal import SigmaCore
internal import SigmaEngine
internal import SigmaSystem
internal import Synchronization

/// Runs ``Handshakes`` beside the event loop: jobs in, results out, a wake-up each way.
///
/// A flood of handshakes so takes the time of another core, not that of media.
final class HandshakeThread: Sendable {
    struct Result: Sendable {
        let result: HandshakeResult
        /// Owed for a job, not a timer's.
        let isAnswer: Bool
    }

    private struct Queues {
        var jobs: [HandshakeJob] = []
        var results: [Result] = []
        var isStopping = false
    }

    /// Owned by the thread alone once it runs.
    private final class Worker: @unchecked Sendable {
        var handshakes: Handshakes
        /// Whether there were connections when it last had nothing to do.
        var hadConnections = false
        init(_ handshakes: consuming Handshakes) { self.handshakes = handshakes }
    }

    private let queues = Mutex(Queues())
    private let jobsReady: EventCounter
    private let resultsReady: EventCounter
    private let thread = Mutex<SystemThread?>(nil)

    init(_ handshakes: consuming Handshakes) throws(SystemError) {
        jobsReady = try EventCounter()
        resultsReady = try EventCounter()
        let worker = Worker(handshakes)
        let started = try SystemThread(name: "handshakes") { self.run(worker) }
        var optional: SystemThread? = consume started
        thread.withLock { $0 = optional.take() }
    }

    /// Readable when there are results.
    var number: Int32 { resultsReady.number }

    func submit(_ jobs: [HandshakeJob]) {
        guard !jobs.isEmpty else { return }
        queues.withLock { $0.jobs += jobs }
        jobsReady.signal()
    }

    func takeResults() -> [Result] {
        resultsReady.clear()
        return queues.withLock { queues in
            defer { queues.results = [] }
            return queues.results
        }
    }

    /// Lets the thread finish what it has and waits for its end.
    func stop() {
        queues.withLock { $0.isStopping = true }
        jobsReady.signal()
        let running = thread.withLock { $0.take() }
        running?.join()
    }

    // MARK: The thread

    private func run(_ worker: Worker) {
        do throws(SystemError) {
            var poll = try EventPoll()
            try poll.add(jobsReady.number)
            while work(worker) {
                giveBackMemory(worker)
                _ = try poll.wait(milliseconds: timeout(worker.handshakes.deadline))
                jobsReady.clear()
            }
        } catch {
            // Nobody could connect any more: better to be restarted.
            preconditionFailure("the handshake thread cannot wait: \(error)")
        }
    }

    private func timeout(_ deadline: Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let left = deadline.nanoseconds - SystemClock.monotonic()
        return left <= 0 ? 0 : Int32(clamping: left / 1_000_000 + 1)
    }

    /// Once the last connection of a burst is freed: its 74 KiB lie scattered in the heap, and would stay.
    private func giveBackMemory(_ worker: Worker) {
        let count = worker.handshakes.count
        if count == 0, worker.hadConnections { FreeMemory.giveBack() }
        worker.hadConnections = count > 0
    }

    /// - Returns: `false` when everything is done and nothing more will come.
    private func work(_ worker: Worker) -> Bool {
        let jobs = queues.withLock { queues in
            defer { queues.jobs = [] }
            return queues.jobs
        }
        for job in jobs {
            let now = Instant(nanoseconds: SystemClock.monotonic())
            publish([Result(result: worker.handshakes.run(job, at: now), isAnswer: true)])
        }
        let now = Instant(nanoseconds: SystemClock.monotonic())
        publish(worker.handshakes.advance(to: now).map { Result(result: $0, isAnswer: false) })
        return queues.withLock { !($0.isStopping && $0.jobs.isEmpty) }
    }

    private func publish(_ results: [Result]) {
        guard !results.isEmpty else { return }
        queues.withLock { $0.results += results }
        resultsReady.signal()
    }
}
