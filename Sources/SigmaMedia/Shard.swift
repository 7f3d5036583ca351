internal import SigmaCore
internal import SigmaEngine
internal import SigmaSystem
internal import SigmaWire

/// The shell around one engine: waits, moves octets, tells the time, decides nothing.
///
/// All that other threads have for it rings its bell: commands, results of handshakes, what neighbours pass on.
struct Shard: ~Copyable {
    let index: Int
    private var engine: Engine
    private let sockets: [ShardSocket]
    private let ways: ShardWays
    private var poll: EventPoll
    private var batch = DatagramBatch(capacity: 256)
    /// The last event that the control thread was told.
    private var eventsTold: UInt64 = 0
    private var outbox: NeighbourOutbox
    private var budget: FanOutBudget
    /// Something is left to be sent to viewers.
    private var isFanningOut = false
    private var overloadLog = OverloadLog()
    private var isFinished = false

    /// Batches taken from a socket before the others have their turn.
    private static let batchesPerRound = 8
    /// Messages taken from one neighbour in a round.
    private static let messagesPerRound = 512

    init(
        index: Int, engine: consuming Engine, sockets: [ShardSocket], ways: ShardWays
    ) throws(SystemError) {
        let poll = try EventPoll()
        for socket in sockets where !socket.isShared { try poll.add(socket.number) }
        try poll.add(ways.post.bells[index].number)
        self.index = index
        self.engine = engine
        self.sockets = sockets
        self.ways = ways
        self.poll = poll
        outbox = NeighbourOutbox(shard: index, ways.post)
        budget = FanOutBudget(capacity: batch.capacity)
    }

    /// Runs until ``ShardCommand/finish``.
    mutating func run() throws(SystemError) {
        let bell = ways.post.bells[index]
        while !isFinished {
            let isBusy = isFanningOut || engine.hasRelays
            let ready = try poll.wait(
                milliseconds: isBusy ? 0 : SystemClock.milliseconds(until: engine.deadline))
            let now = readClocks()
            measureLoad(at: now)
            for item in ready {
                if item.descriptor == bell.number {
                    bell.silence()
                    takeFromNeighbours(at: now)
                    applyHandshakes(at: now)
                    takeCommands(at: now)
                } else if let socket = sockets.first(where: { $0.number == item.descriptor }) {
                    try receiveDatagrams(socket, at: now)
                }
            }
            if engine.hasRelays { relay() }
            fanOutSlice(at: now)
            while engine.advance(to: now, into: &batch) { flush() }
            endRound(at: now)
        }
    }

    private mutating func readClocks() -> Instant {
        let now = SystemClock.monotonic()
        engine.wallClockOffset = SystemClock.unix() - now
        return Instant(nanoseconds: now)
    }

    private mutating func measureLoad(at now: Instant) {
        guard engine.load.isDue(at: now) else { return }
        let wasOverloaded = engine.load.isOverloaded
        var reading = LoadGauge.Reading(
            processorTime: SystemClock.threadProcessorTime(), sendOverflows: 0, receiveOverflows: 0)
        for socket in sockets { socket.add(to: &reading) }
        engine.measureLoad(reading, at: now)
        overloadLog.note(wasOverloaded: wasOverloaded, engine.load, at: now)
    }

    /// What has come up goes on its way.
    private mutating func endRound(at now: Instant) {
        flush()
        ways.handshakes.submit(engine.takeHandshakeJobs(), from: index)
        for wish in engine.takeKeyframeWishes() {
            outbox.tell(.keyframeWish, wish.publication, to: wish.shard)
        }
        outbox.ring()
        tellEvents()
    }

    private mutating func flush() {
        guard batch.count > 0 else { return }
        sockets.first?.send(batch)
        batch.removeAll()
    }

    private mutating func makeRoom() {
        if batch.count + Engine.outputReserve > batch.capacity { flush() }
    }

    // MARK: Datagrams

    /// Takes what the socket has, so that the next slice of the fan-out carries as much as there is.
    private mutating func receiveDatagrams(
        _ socket: ShardSocket, at roundStart: Instant
    ) throws(SystemError) {
        var now = roundStart
        for _ in 0..<Self.batchesPerRound {
            let count = try socket.receive()
            // A claim lies in its ring before the check is answered: whoever sends because of the answer comes
            // later than that, and is no stranger.
            takeFromNeighbours(at: now)
            for place in 0..<count { receive(place, of: socket, at: now) }
            relay()
            // A batch that is not full was the last one.
            guard count == UDPSocket.receiveLimit else { return }
            now = readClocks()
        }
    }

    private mutating func fanOutSlice(at now: Instant) {
        flush()
        let start = SystemClock.monotonic()
        isFanningOut = engine.fanOut(at: now, into: &batch, atMost: budget.datagrams)
        let count = batch.count
        guard count > 0 else { return }
        flush()
        budget.note(
            datagrams: count, took: Interval(nanoseconds: SystemClock.monotonic() - start),
            isDone: !isFanningOut)
    }

    private mutating func receive(_ place: Int, of socket: ShardSocket, at now: Instant) {
        makeRoom()
        let offset = engine.wallClockOffset
        socket.withDatagram(place) { datagram, length, path, stamp in
            // The kernel stamps with the wall clock; a step of it must not put an arrival in the future.
            let stamped = stamp == 0 ? now.nanoseconds : min(stamp - offset, now.nanoseconds)
            let isSane = now.nanoseconds - stamped < 1_000_000_000
            let arrival = isSane ? Instant(nanoseconds: stamped) : now
            engine.receive(&datagram, length: length, on: path, arrival: arrival, now: now, into: &batch)
            guard let owner = engine.takeMisdelivered(), length <= datagram.byteCount else { return }
            let octets = datagram.bytes.extracting(0..<length)
            outbox.tell(.datagram, PassedDatagram(path: path, arrival: arrival), octets, to: owner)
        }
    }

    // MARK: Neighbours

    private mutating func relay() { Self.relay(from: &engine, to: &outbox) }

    private static func relay(from engine: inout Engine, to outbox: inout NeighbourOutbox) {
        engine.takeRelays { shards, packet, octets in
            for shard in shards { outbox.tell(.packet, packet, octets, to: shard) }
        }
        outbox.ring()
    }

    private mutating func takeFromNeighbours(at now: Instant) {
        for neighbour in ways.post.bells.indices where neighbour != index {
            for _ in 0..<Self.messagesPerRound {
                makeRoom()
                let isTaken = ways.post.take(from: neighbour, to: index) { header, payload in
                    take(header, &payload, from: neighbour, at: now)
                }
                guard isTaken else { break }
            }
            // What is left has its turn after the timers.
            if !ways.post.isEmpty(from: neighbour, to: index) { ways.post.bells[index].ring() }
        }
        relay()
    }

    private mutating func take(
        _ header: RawSpan, _ payload: inout MutableRawSpan, from neighbour: Int, at now: Instant
    ) {
        switch NeighbourMessage(rawValue: header.neighbourKind) {
        case .datagram:
            let passed = header.neighbourHeader(PassedDatagram.self)
            let isSTUN = payload.byteCount > 0 && DatagramKind(payload.bytes) == .stun
            engine.receive(
                &payload, length: payload.byteCount, on: passed.path, arrival: passed.arrival, now: now,
                into: &batch)
            _ = engine.takeMisdelivered()
            // From now on the neighbour knows where this path leads.
            if isSTUN, engine.owns(passed.path) { outbox.tell(.claim, passed.path, to: neighbour) }
        case .claim:
            engine.claim(header.neighbourHeader(Path.self), for: neighbour, at: now)
        case .packet:
            engine.receive(header.neighbourHeader(RelayedPacket.self), payload.bytes)
        case .keyframeWish:
            engine.wantKeyframe(publication: header.neighbourHeader(UInt64.self))
        case nil:
            break
        }
    }

    // MARK: Handshakes

    private mutating func applyHandshakes(at now: Instant) {
        let results = ways.results.takeAll()
        guard !results.isEmpty else { return }
        for item in results {
            makeRoom()
            engine.apply(item.result, isAnswer: item.isAnswer, at: now, into: &batch)
        }
        relay()
    }

    // MARK: The control thread

    private mutating func takeCommands(at now: Instant) {
        for command in ways.commands.takeAll() {
            makeRoom()
            run(command, at: now)
        }
    }

    private mutating func run(_ command: ShardCommand, at now: Instant) {
        switch command {
        case .open(let ticket, let request):
            let result: Result<ICECredentials, CommandError>
            do throws(CommandError) {
                result = .success(try engine.open(request, at: now, into: &batch))
            } catch {
                result = .failure(error)
            }
            tellEvents()
            ways.reports.post(.opened(ticket: ticket, result))
        case .setPaused(let ticket, let isPaused, let sessionID):
            setPaused(isPaused, sessionID, ticket)
        case .close(let ticket, let sessionID, let reason, let closer):
            close(sessionID, reason, by: closer, ticket, at: now)
        case .statistics(let ticket, let sessionIDs):
            ways.reports.post(
                .statistics(ticket: ticket, engine.statistics(of: sessionIDs), counters))
        case .relay(let instruction):
            follow(instruction)
        case .closeAll:
            closeAll(at: now)
        case .finish:
            isFinished = true
            tellEvents()
            ways.reports.post(.finished)
        }
    }

    private mutating func setPaused(_ isPaused: Bool, _ sessionID: SessionID, _ ticket: UInt64) {
        do throws(CommandError) {
            try engine.setPaused(isPaused, sessionID)
            answer(ticket, nil)
        } catch {
            answer(ticket, error)
        }
    }

    private mutating func close(
        _ sessionID: SessionID, _ reason: EndReason, by closer: UInt32?, _ ticket: UInt64, at now: Instant
    ) {
        do throws(CommandError) {
            try engine.close(sessionID, reason: reason, by: closer, at: now, into: &batch)
            answer(ticket, nil)
        } catch {
            answer(ticket, error)
        }
    }

    /// What a command has led to stands in the journal before it is answered.
    private mutating func answer(_ ticket: UInt64, _ error: CommandError?) {
        tellEvents()
        ways.reports.post(.done(ticket: ticket, error))
    }

    private mutating func follow(_ instruction: SessionDirectory.Instruction) {
        switch instruction {
        case .mirror(let roomID, let publication, let shard, let media):
            engine.mirror(roomID, publication: publication, from: shard, media: media)
        case .endMirror(let publication):
            engine.endMirror(publication: publication)
        case .feed(let roomID, let publication, let shards):
            engine.feed(roomID, publication: publication, to: shards)
        }
    }

    /// Peers learn at once that we leave instead of waiting for their consent to run out.
    private mutating func closeAll(at now: Instant) {
        for session in engine.snapshot() {
            makeRoom()
            try? engine.close(session.sessionID, reason: .shutdown, at: now, into: &batch)
        }
        endRound(at: now)
        ways.reports.post(.closedAll)
    }

    private mutating func tellEvents() {
        let newest = engine.journal.newest
        guard newest > eventsTold else { return }
        ways.reports.post(.events(((eventsTold + 1)...newest).compactMap { engine.journal[$0] }))
        eventsTold = newest
        engine.acknowledgeEvents(through: newest)
    }

    private var counters: [(String, UInt64)] {
        var counters = engine.counters.named + engine.load.named
        counters.append(("neighbour_overflow", outbox.overflow))
        // A socket that is lent for sending is counted where it is read.
        for socket in sockets { counters += socket.counters }
        return counters
    }
}
