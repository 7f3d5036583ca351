import Glibc
import SigmaPeer
import SigmaSystem
import SigmaWire

/// Joins publishers and viewers, watches for a while, counts, and ends them: one thread, one epoll.
///
/// ```
///  publishers join ──▶ viewers join ──▶ warm-up ──▶ window ──▶ everyone leaves
/// ```
package final class LoadRun {
    let options: LoadOptions
    var poll: EventPoll
    var reader = SegmentReader()
    let file: H264File?
    var endpoints: [String: HTTPEndpoint] = [:]

    /// By index, as the three arrays after it.
    var clients: [LoadClient?] = []
    var counters: [ViewerCounter] = []
    /// Of the peers; `Int64.max` without one.
    var deadlines: [Int64] = []
    /// Their RTP is counted and nothing else.
    var isCountedOnly: [Bool] = []
    var freeIndices: [Int] = []
    /// By descriptor.
    var owners: [Owner] = []
    var exchanges: [Int32: PendingExchange] = [:]
    var schedules: [JoinSchedule] = []
    var joining: Set<Int> = []
    var publications: [Publication] = []
    /// Index of the viewer in each slot.
    var slots: [Int?]
    var results = LoadResults()
    var isMeasuring = false
    /// Of the last progress line.
    var progress: (packets: Int, time: Int64)?
    private var nextTick: Int64 = 0
    private var nextProgress: Int64 = 0
    private var wasBusy = false

    enum Owner { case nobody, client(Int), exchange }

    struct Publication {
        let index: Int
        var plan: MediaPlan
    }

    /// A peer has this long to connect, ns.
    static let patience: Int64 = 10_000_000_000
    private static let tick: Int64 = 5_000_000
    /// From so many viewers on it pays to let datagrams gather between two looks.
    private static let manyViewers = 32
    /// How long they gather, ns: a fraction of what the receive buffers hold.
    private static let gathering: Int64 = 500_000

    /// - Throws: ``LoadFailure``: a line for the operator.
    package init(_ options: LoadOptions) throws(LoadFailure) {
        self.options = options
        slots = Array(repeating: nil, count: options.whep == nil ? 0 : options.viewers)
        do throws(SystemError) {
            poll = try EventPoll()
            file =
                try options.file.map { (path) throws(SystemError) in
                    H264File(try Files.octets(of: path, limit: 1 << 30))
                } ?? nil
        } catch {
            throw LoadFailure(line: "\(options.file.map { "--file \($0): " } ?? "")\(error)")
        }
        if let path = options.file, file == nil {
            throw LoadFailure(line: "--file \(path): no H.264 slices in it; it must be Annex B")
        }
    }

    /// Does everything; takes as long as the options say.
    package func run() -> LoadReport {
        let wanted = 2 * (options.viewers + options.rooms + options.joinLimit) + 64
        let limit = OpenFileLimit.raise(to: wanted)
        if limit < wanted { results.note("only \(limit) descriptors of \(wanted): raise `ulimit -n`") }
        results.servers = options.pids.map { ServerCost(pid: $0) }
        do throws(SystemError) {
            try publish()
            if options.connectsOnly {
                try connect()
            } else {
                try watch()
            }
        } catch {
            results.note("\(error)")
        }
        let report = LoadReport(results, options)
        leaveAll()
        endProgress()
        return report
    }

    private func publish() throws(SystemError) {
        guard options.whip != nil else { return }
        try join(.publishers, count: options.rooms, rate: options.joinRate)
        // A room is there once a packet of its publisher's has come in.
        try run(for: 200_000_000)
        results.restartJoins(keeping: false)
    }

    private func watch() throws(SystemError) {
        if options.whep != nil { try join(.viewers, count: options.viewers, rate: options.joinRate) }
        for index in results.servers.indices { results.servers[index].noteConnected() }
        try run(for: Int64(options.warmup * 1e9))
        openWindow()
        let now = SystemClock.monotonic()
        if options.churn > 0, !slots.isEmpty {
            schedules.append(JoinSchedule(.churn, count: .max, rate: options.churn, from: now))
        }
        if options.connects > 0 {
            schedules.append(
                JoinSchedule(.connects, count: options.connects, rate: options.connectRate, from: now))
        }
        try run(for: Int64(options.seconds * 1e9))
        try run(while: { $0.schedules.contains { $0.kind == .connects && !$0.isExhausted } })
        schedules = []
        try run(while: { !$0.joining.isEmpty })
        closeWindow()
    }

    private func connect() throws(SystemError) {
        openWindow()
        try join(.connects, count: options.connects, rate: options.connectRate)
        for index in results.servers.indices { results.servers[index].noteConnected() }
        closeWindow()
    }

    /// Until all of them are connected, or have failed.
    private func join(_ kind: JoinSchedule.Kind, count: Int, rate: Double) throws(SystemError) {
        schedules = [JoinSchedule(kind, count: count, rate: rate, from: SystemClock.monotonic())]
        try run(while: { run in !run.joining.isEmpty || run.schedules.contains { !$0.isExhausted } })
        schedules = []
    }

    private func run(for nanoseconds: Int64) throws(SystemError) {
        let end = SystemClock.monotonic() + nanoseconds
        while SystemClock.monotonic() < end { try step(until: end) }
    }

    private func run(while condition: (LoadRun) -> Bool) throws(SystemError) {
        while condition(self) { try step(until: SystemClock.monotonic() + Self.tick) }
    }

    /// Waits for a datagram or the next deadline, and does what is due.
    private func step(until end: Int64) throws(SystemError) {
        var now = SystemClock.monotonic()
        var wake = min(end, nextTick)
        for publication in publications { wake = min(wake, publication.plan.deadline) }
        for schedule in schedules where !schedule.isExhausted && joining.count < options.joinLimit {
            wake = min(wake, schedule.nextAt)
        }
        if wasBusy, slots.count >= Self.manyViewers, joining.isEmpty, wake > now {
            Self.sleep(min(Self.gathering, wake - now))
            now = SystemClock.monotonic()
        }
        let left = max(0, wake - now)
        // Less than a millisecond is slept, epoll cannot; unless a join would have to wait for it.
        if left > 0, left < 1_000_000, !wasBusy, joining.isEmpty { Self.sleep(left) }
        let rounding: Int64 = joining.isEmpty ? 0 : 999_999
        let ready = try poll.wait(milliseconds: Int32(min(1000, (left + rounding) / 1_000_000)))
        wasBusy = !ready.isEmpty
        for entry in ready { handle(entry.descriptor) }
        now = SystemClock.monotonic()
        sendDueMedia(at: now)
        startDueJoins(at: now)
        guard nextTick <= now else { return }
        nextTick = now + Self.tick
        for index in deadlines.indices where deadlines[index] <= now { advance(index, at: now) }
        giveUpOnSlowJoins(at: now)
        if nextProgress <= now {
            nextProgress = now + 1_000_000_000
            showProgress(at: now)
        }
    }

    private static func sleep(_ nanoseconds: Int64) {
        var time = timespec(tv_sec: 0, tv_nsec: Int(min(999_999_999, max(0, nanoseconds))))
        nanosleep(&time, nil)
    }

    private func handle(_ number: Int32) {
        switch owners[Int(number)] {
        case .client(let index): receive(index, number)
        case .exchange: advanceExchange(number)
        case .nobody: poll.remove(number)
        }
    }

    private func leaveAll() {
        let now = SystemClock.monotonic()
        for index in clients.indices { leave(index, at: now) }
        let end = now + Self.patience / 2
        while !exchanges.isEmpty, SystemClock.monotonic() < end {
            guard (try? step(until: end)) != nil else { return }
        }
    }
}

/// Why there is no run; a line for the operator.
package struct LoadFailure: Error {
    package let line: String
}
