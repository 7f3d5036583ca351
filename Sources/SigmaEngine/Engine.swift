package import SigmaCore
package import SigmaCrypto
package import SigmaWire

/// Core and crypto as one sans-I/O machine: datagrams, arrival times and `now` in; datagrams, events and the
/// next deadline out.
///
/// ```
///  receive ──▶ demultiplex ──▶ STUN ──▶ agent ──▶ reply
///                         ├──▶ DTLS ──▶ jobs ──▶ Handshakes ──▶ results ──▶ keys
///                         └──▶ SRTP ──▶ ring of the track ──▶ fanOut ──▶ every viewer
/// ```
///
/// The law of the caller: call ``fanOut(at:into:atMost:)``, which does a slice, until it says that nothing is
/// left. Between two slices, and at any other time, everything else may be called, in any order:
/// ``receive(_:length:on:arrival:now:into:)`` above all, since what has come in by then goes out with the rest; then
/// ``advance(to:into:)``, commands, results of handshakes. Jobs of ``takeHandshakeJobs()`` are carried to
/// ``Handshakes``, their results back. Whatever comes out is sent before the batch is emptied, and a batch has at
/// least ``outputReserve`` free places at each call.
///
/// - SeeAlso: "One packet's journey" in ARCHITECTURE.md
package struct Engine: ~Copyable {
    /// Free places in the batch that one call other than a fan-out may need.
    package static let outputReserve = 24

    let configuration: EngineConfiguration
    package let fingerprint: CertificateFingerprint
    var slab: SessionSlab
    package internal(set) var journal: Journal
    var runtimes: RuntimeTable
    var tuples: TupleTable
    var slots: [SessionID: Int] = [:]
    /// The slots in use, in no order.
    var live: [Int] = []
    var rooms: [Room] = []
    var freeRooms: [Int] = []
    var roomPlaces: [RoomID: Int] = [:]
    var timers: TimerWheel
    var handshakeJobs: [HandshakeJob] = []
    /// Jobs that were taken and whose results have not come back.
    var handshakesInFlight = 0
    var fanOuts = FanOutQueue()
    /// What viewers have asked for again and not been sent yet.
    var retransmissions = FirstInFirstOut<Retransmission>()
    var stills: [StillJob] = []
    /// Results that have come back for jobs.
    var handshakesAnswered: UInt64 = 0
    package internal(set) var counters = EngineCounters()
    package internal(set) var load: LoadGauge
    /// Unix time minus `now`, ns; the shell sets it before each round.
    package var wallClockOffset: Int64 = 0
    var random: SplitMix64
    /// Datagrams that wait for keys, of all sessions.
    var earlyCount = 0

    // What other shards have to do with; see Engine+Neighbours.swift.
    var misdelivered: Int?
    var neighbours: NeighbourTable
    /// The room of each publication that is fed to other shards, or comes from one.
    var publications: [UInt64: Int] = [:]
    var relays: [PendingRelay] = []
    var keyframeWishes: [(shard: Int, publication: UInt64)] = []

    /// - Parameters:
    ///   - fingerprint: Of the certificate that ``Handshakes`` uses.
    ///   - slabMemory: ``SessionSlab/byteCount(for:)`` zeroed octets that outlive the engine.
    ///   - journalMemory: ``Journal/byteCount(capacity:)`` octets that outlive the engine.
    @unsafe package init(
        _ configuration: EngineConfiguration, fingerprint: CertificateFingerprint,
        slabMemory: UnsafeMutableRawPointer, journalMemory: UnsafeMutableRawPointer
    ) {
        let journalID = configuration.entropy(16)
        let slab = unsafe SessionSlab(
            formatting: slabMemory, count: configuration.sessionLimit, journalID: journalID)
        let journal = unsafe Journal(
            formatting: journalMemory, capacity: configuration.journalCapacity, id: journalID)
        self.init(configuration, fingerprint: fingerprint, slab: slab, journal: journal)
    }

    /// One of several shards.
    ///
    /// - Parameters:
    ///   - slab: Its part of the process's, ``EngineConfiguration/sessionLimit`` records.
    ///   - journal: Its own; the shell carries the events on to that of the process.
    package init(
        _ configuration: EngineConfiguration, fingerprint: CertificateFingerprint,
        slab: consuming SessionSlab, journal: consuming Journal
    ) {
        self.configuration = configuration
        self.fingerprint = fingerprint
        self.slab = slab
        self.journal = journal
        load = LoadGauge(configuration.loadLimits)
        runtimes = RuntimeTable(count: configuration.sessionLimit)
        timers = TimerWheel(slots: configuration.sessionLimit)
        tuples = TupleTable(sessions: configuration.sessionLimit)
        neighbours = NeighbourTable(limit: configuration.sessionLimit * ICELiteAgent.pathLimit)
        random = SplitMix64(seed: configuration.entropy(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    // MARK: Datagrams

    /// Takes one datagram.
    ///
    /// - Parameters:
    ///   - datagram: A buffer that begins with it; SRTP is decrypted in place.
    ///   - arrival: When the kernel took it, on the clock of `now`.
    package mutating func receive(
        _ datagram: inout MutableRawSpan, length: Int, on path: Path, arrival: Instant, now: Instant,
        into batch: inout DatagramBatch
    ) {
        counters.datagramsReceived &+= 1
        load.noteDelay(now - arrival)
        guard length <= datagram.byteCount else { return }
        let kind = DatagramKind(datagram.bytes.extracting(0..<length))
        switch kind {
        case .stun:
            receiveSTUN(datagram.bytes.extracting(0..<length), on: path, now: now, into: &batch)
        case .dtls:
            receiveDTLS(datagram.bytes.extracting(0..<length), on: path, now: now)
        case .rtp:
            guard let slot = route(path) else { return }
            receiveRTP(&datagram, length: length, slot: slot, arrival: arrival, queued: arrival)
        case .rtcp:
            guard let slot = route(path) else { return }
            receiveRTCP(&datagram, length: length, slot: slot, arrival: arrival, into: &batch)
        case .unknown:
            counters.unknownProtocol &+= 1
        }
    }

    /// The session of a validated path; counts the datagram as a stranger's when no shard has one.
    mutating func route(_ path: Path) -> Int? {
        guard let slot = tuples.slot(for: path) else {
            misdelivered = neighbours.shard(for: path)
            if misdelivered == nil { counters.unknownTuple &+= 1 }
            return nil
        }
        return Int(slot)
    }

    // MARK: Events

    mutating func emit(_ event: Event, slot: Int, at now: Instant) {
        let cold = slab.cold(slot)
        journal.append(
            EventRecord(event, sessionID: cold.sessionID, roomID: cold.roomID, role: cold.role),
            time: unixTime(at: now))
    }

    package func unixTime(at now: Instant) -> UInt64 {
        UInt64(max(0, now.nanoseconds &+ wallClockOffset))
    }

    package mutating func acknowledgeEvents(through number: UInt64) { journal.acknowledge(number) }

    func handle(_ slot: Int) -> SessionHandle {
        SessionHandle(slot: UInt32(slot), generation: slab[slot].generation)
    }
}

/// A small generator for what need not be secret: report intervals, first numbers.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
