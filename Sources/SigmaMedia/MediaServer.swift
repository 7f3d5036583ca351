internal import SigmaCore
internal import SigmaSystem

/// The control thread: clients of the control protocol, signals, and the shards behind it.
///
/// No datagram passes here, so a client that keeps it busy holds up no media.
struct MediaServer: ~Copyable {
    private var shards: ShardGroup
    private var control: ControlServer
    private let handshakes: HandshakeThread
    private var poll: EventPoll
    private let signals: TerminationSignals

    init(
        shards: consuming ShardGroup, handshakes: HandshakeThread, control: consuming ControlServer,
        signals: consuming TerminationSignals
    ) throws(SystemError) {
        let poll = try EventPoll()
        try poll.add(control.listenerNumber)
        try poll.add(signals.number)
        try poll.add(shards.number)
        self.shards = shards
        self.handshakes = handshakes
        self.control = control
        self.signals = signals
        self.poll = poll
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: ``StartError`` when a shard has failed.
    mutating func run() throws {
        defer { shards.logLastAuditHead() }
        while true {
            let ready = try poll.wait(milliseconds: SystemClock.milliseconds(until: shards.deadline))
            let now = Instant(nanoseconds: SystemClock.monotonic())
            shards.measure(at: now)
            shards.logAuditHead(at: now)
            for item in ready {
                if item.descriptor == signals.number {
                    try stop()
                    return
                }
                if item.descriptor == shards.number {
                    try shards.takeReports()
                } else if item.descriptor == control.listenerNumber {
                    control.accept(poll)
                } else if control.owns(item.descriptor) {
                    control.handle(item, &shards)
                }
            }
            control.finishRound(shards.journal, poll)
        }
    }

    /// First the goodbyes, which the handshake thread may still have to seal, then the threads.
    private mutating func stop() throws {
        try shards.agree(.closeAll)
        handshakes.stop()
        try shards.agree(.finish)
        control.finishRound(shards.journal, poll)
    }
}
