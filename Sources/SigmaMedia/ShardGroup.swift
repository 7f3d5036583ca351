internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine
internal import SigmaSystem

/// The shards as the control thread sees them: commands out, answers and events in.
struct ShardGroup: ~Copyable {
    private let commands: [Mailbox<ShardCommand>]
    private let reports: Mailbox<ShardReport>
    private let bell: Bell
    private var directory: SessionDirectory
    private(set) var journal: Journal
    private var load: ShardLoad
    private var audit = AuditAnchor()
    private var waiting: [UInt64: Waiting] = [:]
    /// Sessions that are being closed, and requests that can be granted when they are gone: a client need not wait
    /// for the answer to a close.
    private var closing: Set<SessionID> = []
    private var deferred: [(request: SessionRequest, time: UInt64, reply: ControlReply)] = []
    private var lastTicket: UInt64 = 0
    var isDraining = false
    /// Of sessions that no shard was asked to open.
    private var counters = EngineCounters()
    /// Shards that have done the last thing they were asked as a whole: ``ShardCommand/closeAll``, then
    /// ``ShardCommand/finish``.
    private var agreed = 0

    /// Who waits for an answer.
    private struct Waiting {
        let reply: ControlReply
        let purpose: Purpose

        enum Purpose {
            case opening(SessionID)
            case closing(SessionID)
            case pausing
            case statistics(StatisticsCollector)
        }
    }

    init(
        commands: [Mailbox<ShardCommand>], reports: Mailbox<ShardReport>, bell: Bell, threads: [ThreadClock],
        sessionLimit: Int, journal: consuming Journal
    ) {
        self.commands = commands
        self.reports = reports
        self.bell = bell
        self.journal = journal
        directory = SessionDirectory(shards: commands.count, sessionLimit: sessionLimit)
        load = ShardLoad(threads)
    }

    /// Readable when a shard has something to say.
    var number: Int32 { bell.number }

    var snapshot: [SessionSummary] { directory.snapshot }

    /// When ``measure(at:)`` or ``logAuditHead(at:)`` is next due; `nil` while nothing happens.
    var deadline: Instant? {
        let measurement = directory.count > 0 ? load.due : nil
        return [measurement, audit.lineDue].compactMap(\.self).min()
    }

    /// Looks how busy the shards are, if it is time to.
    mutating func measure(at now: Instant) { load.measure(at: now) }

    private mutating func wait(_ reply: ControlReply, _ purpose: Waiting.Purpose) -> UInt64 {
        lastTicket += 1
        waiting[lastTicket] = Waiting(reply: reply, purpose: purpose)
        return lastTicket
    }

    // MARK: Commands

    mutating func open(_ request: SessionRequest, at time: UInt64, _ reply: ControlReply) {
        do throws(CommandError) {
            guard !isDraining else { throw .draining }
            if let obstacle = directory.obstacle(to: request), closing.contains(obstacle) {
                deferred.append((request, time, reply))
                return
            }
            let shard = try directory.place(request, busy: load.shares, at: time)
            let ticket = wait(reply, .opening(request.sessionID))
            commands[shard].post(.open(ticket: ticket, request))
        } catch {
            counters.noteRefusal(error)
            reply.fail(error)
        }
    }

    mutating func setPaused(_ isPaused: Bool, _ sessionID: SessionID, _ reply: ControlReply) {
        guard let shard = directory.shard(of: sessionID) else { return reply.fail(.noSuchSession) }
        commands[shard].post(.setPaused(ticket: wait(reply, .pausing), isPaused, sessionID))
    }

    /// - Parameter closer: The user id of the client that asks for it.
    mutating func close(
        _ sessionID: SessionID, reason: EndReason, by closer: UInt32?, _ reply: ControlReply
    ) {
        guard let shard = directory.shard(of: sessionID) else { return reply.fail(.noSuchSession) }
        closing.insert(sessionID)
        commands[shard].post(
            .close(ticket: wait(reply, .closing(sessionID)), sessionID, reason, by: closer))
    }

    /// - Parameter sessionIDs: Empty for all.
    mutating func statistics(
        of sessionIDs: [SessionID], at time: UInt64, _ counters: [(String, UInt64)], _ reply: ControlReply
    ) {
        let collector = StatisticsCollector(
            time: time, missing: commands.count, counters: counters + self.counters.named)
        let ticket = wait(reply, .statistics(collector))
        for mailbox in commands { mailbox.post(.statistics(ticket: ticket, sessionIDs)) }
    }

    mutating func acknowledgeEvents(through number: UInt64) { journal.acknowledge(number) }

    /// Keeps the head of signaling's audit chain.
    ///
    /// - Throws: ``CommandError/invalid(_:)`` where the chain would go back.
    mutating func anchor(
        sequence: UInt64, hash: [UInt8], isReset: Bool, at time: UInt64
    ) throws(CommandError) {
        guard let head = AuditHead(sequence: sequence, hash: hash) else { throw .invalid(.hash) }
        switch audit.take(head, isReset: isReset) {
        case .known: return
        case .behind: throw .invalid(.sequence)
        case .contradicted: throw .invalid(.hash)
        case .moved:
            let record = EventRecord(
                .anchored(sequence: sequence, hash: hash), sessionID: SessionID(high: 0, low: 0), roomID: nil,
                role: .viewer)
            journal.append(record, time: time)
        }
    }

    /// As signaling last told it.
    var auditHead: AuditHead? { audit.head }

    /// Names the head in the log, where signaling cannot change it, if it is time to.
    mutating func logAuditHead(at now: Instant) {
        if let head = audit.takeLine(at: now) { Log.write(.info, "\(head)") }
    }

    /// Once more at the end, whatever was said before.
    func logLastAuditHead() {
        if let head = audit.head { Log.write(.info, "\(head)") }
    }

    // MARK: Reports

    /// Takes what the shards have said.
    ///
    /// - Throws: What ended one of them.
    mutating func takeReports() throws(StartError) {
        bell.silence()
        for report in reports.takeAll() { try take(report) }
    }

    private mutating func take(_ report: ShardReport) throws(StartError) {
        switch report {
        case .opened(let ticket, let result): opened(ticket, result)
        case .done(let ticket, let error):
            done(ticket, error)
        case .statistics(let ticket, let sessions, let counters):
            guard case .statistics(let collector)? = waiting[ticket]?.purpose,
                collector.isComplete(with: sessions, counters)
            else { return }
            waiting.removeValue(forKey: ticket)?.reply.send(collector)
        case .events(let records):
            for record in records {
                journal.append(record, time: record.time)
                send(directory.note(record))
            }
        case .closedAll, .finished:
            agreed += 1
        case .failed(let reason):
            throw StartError(description: "a shard cannot go on: \(reason)")
        }
    }

    private mutating func opened(_ ticket: UInt64, _ result: Result<ICECredentials, CommandError>) {
        guard let waiter = waiting.removeValue(forKey: ticket),
            case .opening(let sessionID) = waiter.purpose
        else { return }
        switch result {
        case .success(let credentials):
            send(directory.opened(sessionID))
            waiter.reply.opened(credentials)
        case .failure(let error):
            directory.refused(sessionID)
            waiter.reply.fail(error)
        }
    }

    private mutating func done(_ ticket: UInt64, _ error: CommandError?) {
        guard let waiter = waiting.removeValue(forKey: ticket) else { return }
        if let error { waiter.reply.fail(error) } else { waiter.reply.done() }
        guard case .closing(let sessionID) = waiter.purpose else { return }
        closing.remove(sessionID)
        let requests = deferred
        deferred = []
        for (request, time, reply) in requests { open(request, at: time, reply) }
    }

    private func send(_ instructions: [(shard: Int, SessionDirectory.Instruction)]) {
        for (shard, instruction) in instructions { commands[shard].post(.relay(instruction)) }
    }

    // MARK: The end

    /// Has every shard do `command`, and hears them until all have said that they did.
    mutating func agree(_ command: ShardCommand) throws(StartError) {
        agreed = 0
        for mailbox in commands { mailbox.post(command) }
        do {
            var poll = try EventPoll()
            try poll.add(bell.number)
            while agreed < commands.count {
                _ = try poll.wait(milliseconds: -1)
                try takeReports()
            }
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError(description: "\(error)")
        }
    }
}

/// What the shards say of themselves, until all have said it.
final class StatisticsCollector {
    /// Unix time, ns, of the question.
    let time: UInt64
    private var missing: Int
    private(set) var sessions: [SessionReport] = []
    private(set) var counters: [String: UInt64] = [:]

    init(time: UInt64, missing: Int, counters: [(String, UInt64)]) {
        self.time = time
        self.missing = missing
        add(counters)
    }

    /// - Returns: Whether it is complete.
    func isComplete(with sessions: [SessionReport], _ counters: [(String, UInt64)]) -> Bool {
        self.sessions += sessions
        add(counters)
        missing -= 1
        return missing == 0
    }

    private func add(_ counters: [(String, UInt64)]) {
        for (name, count) in counters {
            // Loads do not add up: the busiest shard's is told.
            if name.hasPrefix("load_") {
                self.counters[name] = max(self.counters[name] ?? 0, count)
            } else {
                self.counters[name, default: 0] &+= count
            }
        }
    }
}

/// How much of a core each shard uses.
struct ShardLoad {
    private let threads: [ThreadClock]
    private var used: [Int64]
    private var measured = Instant.zero
    /// 0 to 1, of the last interval.
    private(set) var shares: [Double]
    private static let interval = Interval.milliseconds(500)

    init(_ threads: [ThreadClock]) {
        self.threads = threads
        used = threads.map { $0.processorTime() }
        shares = threads.map { _ in 0 }
    }

    var due: Instant { measured + Self.interval }

    mutating func measure(at now: Instant) {
        let elapsed = (now - measured).nanoseconds
        guard elapsed >= Self.interval.nanoseconds else { return }
        measured = now
        for (shard, clock) in threads.enumerated() {
            let time = clock.processorTime()
            shares[shard] = min(1, Double(time - used[shard]) / Double(elapsed))
            used[shard] = time
        }
    }
}
