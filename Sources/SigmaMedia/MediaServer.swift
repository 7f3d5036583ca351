internal import SigmaCore
internal import SigmaEngine
internal import SigmaSystem
internal import SigmaWire

/// The shell around the engine: waits, moves octets, tells the time, decides nothing.
struct MediaServer: ~Copyable {
    private var engine: Engine
    private var socket: UDPSocket
    private var control: ControlServer
    private let handshakes: HandshakeThread
    private var poll: EventPoll
    private var batch: DatagramBatch
    private let signals: TerminationSignals
    private var overloadLog = OverloadLog()

    /// Batches taken from the socket before timers and clients have their turn.
    private static let batchesPerRound = 8

    init(
        engine: consuming Engine, handshakes: HandshakeThread, socket: consuming UDPSocket,
        control: consuming ControlServer, signals: consuming TerminationSignals
    ) throws(SystemError) {
        let poll = try EventPoll()
        try poll.add(socket.number)
        try poll.add(control.listenerNumber)
        try poll.add(signals.number)
        try poll.add(handshakes.number)
        self.engine = engine
        self.handshakes = handshakes
        self.socket = socket
        self.control = control
        self.signals = signals
        self.poll = poll
        batch = DatagramBatch(capacity: 256)
    }

    /// Runs until SIGTERM or SIGINT.
    mutating func run() throws(SystemError) {
        while true {
            let ready = try poll.wait(milliseconds: timeout())
            let now = readClocks()
            measureLoad(at: now)
            for item in ready {
                if item.descriptor == signals.number {
                    sayGoodbye(at: now)
                    return
                }
                try dispatch(item, at: now)
            }
            while engine.advance(to: now, into: &batch) { flush() }
            flush()
            handshakes.submit(engine.takeHandshakeJobs())
            control.finishRound(&engine, poll)
        }
    }

    private mutating func dispatch(_ item: EventPoll.Ready, at now: Instant) throws(SystemError) {
        if item.descriptor == socket.number {
            try receiveDatagrams(at: now)
        } else if item.descriptor == handshakes.number {
            applyHandshakes(at: now)
        } else if item.descriptor == control.listenerNumber {
            control.accept(poll)
        } else if control.owns(item.descriptor) {
            control.socketCounters = socket.counters
            control.handle(item, &engine, at: now, into: &batch)
            flush()
        }
    }

    private func timeout() -> Int32 {
        guard let deadline = engine.deadline else { return -1 }
        let left = deadline.nanoseconds - SystemClock.monotonic()
        return left <= 0 ? 0 : Int32(clamping: left / 1_000_000 + 1)
    }

    private mutating func readClocks() -> Instant {
        let now = SystemClock.monotonic()
        engine.wallClockOffset = SystemClock.unix() - now
        return Instant(nanoseconds: now)
    }

    private mutating func measureLoad(at now: Instant) {
        guard engine.load.isDue(at: now) else { return }
        let wasOverloaded = engine.load.isOverloaded
        engine.measureLoad(
            LoadGauge.Reading(
                processorTime: SystemClock.threadProcessorTime(),
                sendOverflows: socket.sendStatistics.overflows, receiveOverflows: socket.receiveOverflow),
            at: now)
        overloadLog.note(wasOverloaded: wasOverloaded, engine.load, at: now)
    }

    private mutating func receiveDatagrams(at roundStart: Instant) throws(SystemError) {
        var now = roundStart
        for _ in 0..<Self.batchesPerRound {
            let count = try socket.receive()
            for index in 0..<count { receive(index, at: now) }
            while engine.fanOut(at: now, into: &batch) { flush() }
            flush()
            handshakes.submit(engine.takeHandshakeJobs())
            guard count > 0 else { return }
            now = readClocks()
        }
    }

    private mutating func receive(_ index: Int, at now: Instant) {
        if batch.count + Engine.outputReserve > batch.capacity { flush() }
        let offset = engine.wallClockOffset
        socket.withDatagram(index) { datagram, length, path, arrival in
            // The kernel stamps with the wall clock; a step of it must not put an arrival in the future.
            let stamped = arrival == 0 ? now.nanoseconds : min(arrival - offset, now.nanoseconds)
            let isSane = now.nanoseconds - stamped < 1_000_000_000
            engine.receive(
                &datagram, length: length, on: path,
                arrival: isSane ? Instant(nanoseconds: stamped) : now, now: now, into: &batch)
        }
    }

    private mutating func applyHandshakes(at now: Instant) {
        for item in handshakes.takeResults() {
            if batch.count + Engine.outputReserve > batch.capacity { flush() }
            engine.apply(item.result, isAnswer: item.isAnswer, at: now, into: &batch)
        }
        while engine.fanOut(at: now, into: &batch) { flush() }
        flush()
    }

    private mutating func flush() {
        guard batch.count > 0 else { return }
        socket.send(batch)
        batch.removeAll()
    }

    /// Peers learn at once that we leave instead of waiting for their consent to run out.
    private mutating func sayGoodbye(at now: Instant) {
        for session in engine.snapshot() {
            try? engine.close(session.sessionID, reason: .shutdown, at: now, into: &batch)
            flush()
        }
        handshakes.submit(engine.takeHandshakeJobs())
        handshakes.stop()
        applyHandshakes(at: now)
        control.finishRound(&engine, poll)
    }
}
