package import SigmaCore
internal import SigmaCrypto
package import SigmaEngine
package import SigmaPeer
package import SigmaWire

/// The engine with the shell around it that the simulation needs: memory, a batch, the law of the calls.
@safe package final class SimulatedServer {
    package static let address = Address(v4: 0xC000_0201, port: 5004)

    private var engine: Engine
    private var handshakes: Handshakes
    private var batch = DatagramBatch(capacity: 256)
    private let slab: UnsafeMutableRawPointer
    private let journal: UnsafeMutableRawPointer
    private let slabLength: Int
    private var eventsRead: UInt64 = 0
    private var viewerSSRCs: UInt32 = 0
    /// Jobs on the handshake thread, in order, and when each is done.
    private var jobs: [(job: HandshakeJob, due: Int64)] = []
    private let handshakeLatency: Int64
    private var random: SplitMix64
    /// Nanoseconds that the server's clock is behind the simulation's.
    private var lostTime: Int64 = 0
    /// How it sends to viewers.
    package var pace = Pace()
    private var isFanningOut = false
    private var nextSlice: Int64 = 0

    /// What the server can do in its time.
    package struct Pace: Equatable, Sendable {
        /// Datagrams of a slice of the fan-out at most; with few of them a slice follows each datagram received.
        package var slice: Int
        /// Nanoseconds that a slice takes: with 0 there is time for all of them at once.
        package var interval: Int64

        package init(slice: Int = .max, interval: Int64 = 0) {
            self.slice = slice
            self.interval = interval
        }
    }

    /// - Parameter handshakeLatency: Nanoseconds that a step of a handshake takes at most.
    /// - Throws: When OpenSSL cannot make an identity.
    package init(
        seed: UInt64, sessionLimit: Int = 64, journalCapacity: Int = 4096, handshakeLatency: Int64 = 0
    ) throws {
        self.handshakeLatency = handshakeLatency
        self.random = SplitMix64(seed: seed ^ 0x1A7E)
        var random = SplitMix64(seed: seed)
        var configuration = EngineConfiguration { count in random.octets(count) }
        configuration.sessionLimit = sessionLimit
        configuration.journalCapacity = journalCapacity
        slabLength = SessionSlab.byteCount(for: configuration.sessionLimit)
        let journalLength = Journal.byteCount(capacity: configuration.journalCapacity)
        unsafe slab = .allocate(byteCount: slabLength, alignment: 4096)
        unsafe journal = .allocate(byteCount: journalLength, alignment: 4096)
        unsafe slab.initializeMemory(as: UInt8.self, repeating: 0, count: slabLength)
        unsafe journal.initializeMemory(as: UInt8.self, repeating: 0, count: journalLength)
        let identity = try Identity(selfSignedForDays: 30)
        handshakes = try Handshakes(identity)
        unsafe engine = Engine(
            configuration, fingerprint: identity.fingerprint, slabMemory: slab, journalMemory: journal)
        engine.wallClockOffset = 1_700_000_000_000_000_000
    }

    deinit {
        unsafe slab.deallocate()
        unsafe journal.deallocate()
    }

    // MARK: Time

    /// The server's clock when the simulation's says `now`.
    package func time(_ now: Int64) -> Int64 { now - lostTime }

    private func instant(_ now: Int64) -> Instant { Instant(nanoseconds: time(now)) }

    /// The server's clock has stood still.
    package func loseTime(_ nanoseconds: Int64) { lostTime += nanoseconds }

    /// Lets the wall clock jump; the monotonic one runs on.
    package func stepWallClock(by nanoseconds: Int64) { engine.wallClockOffset += nanoseconds }

    // MARK: Commands

    /// Opens a session for what `peer` offers.
    ///
    /// - Parameter announcesFingerprint: The certificate that signaling was told of.
    /// - Returns: The answer for the peer.
    package func open(
        _ sessionID: SessionID, room: RoomID, offer: Offer, announcesFingerprint fingerprint: [UInt8]? = nil,
        at now: Int64
    ) throws -> Answer {
        let lines = offer.media.map { mediaLine($0) }
        let role: DTLSRole = offer.setup == .passive ? .client : .server
        guard let announced = CertificateFingerprint(hash: .sha256, digest: fingerprint ?? offer.fingerprint)
        else { throw PeerError.fingerprintMismatch }
        let credentials = try engine.open(
            SessionRequest(
                sessionID: sessionID, roomID: room, role: offer.role == .publisher ? .publisher : .viewer,
                remoteUfrag: Array(offer.ufrag.utf8), fingerprints: [announced], dtlsRole: role, media: lines,
                cname: Array("server".utf8)),
            at: instant(now))
        return Answer(
            ufrag: String(decoding: credentials.ufrag, as: UTF8.self),
            password: String(decoding: credentials.password, as: UTF8.self),
            fingerprint: engine.fingerprint.digest, serverIsActive: role == .client,
            candidates: [Self.address],
            media: zip(offer.media, lines).map { media, line in
                Answer.Media(
                    kind: media.kind, mid: media.mid, payloadType: line.payloadType,
                    ssrc: offer.role == .viewer ? line.ssrc : nil, midExtensionID: Offer.midExtensionID)
            })
    }

    private func mediaLine(_ media: Offer.Media) -> MediaLineRecord {
        var line = MediaLineRecord()
        line.mid = FixedOctets(Array(media.mid.utf8)) ?? FixedOctets()
        line.kind = media.kind == .audio ? .audio : .video
        line.codec = media.kind == .audio ? .opus : .h264
        line.payloadType = media.formats.first?.payloadType ?? 0
        line.clockRate = media.kind == .audio ? 48_000 : 90_000
        line.extensionIDs[Int(ExtensionKind.mid.rawValue)] = Offer.midExtensionID
        if media.kind == .video { line.feedback = [.nackPLI, .ccmFIR] }
        // Publisher: as announced. Viewer: of the server's choosing.
        if let ssrc = media.ssrc {
            line.ssrc = ssrc
        } else {
            viewerSSRCs += 1
            line.ssrc = 0x5100_0000 | viewerSSRCs
        }
        return line
    }

    package func close(_ sessionID: SessionID, reason: EndReason = .requested, at now: Int64) throws {
        try engine.close(sessionID, reason: reason, at: instant(now), into: &batch)
    }

    package func setPaused(_ isPaused: Bool, _ sessionID: SessionID) throws {
        try engine.setPaused(isPaused, sessionID)
    }

    /// Tells the engine what its thread has used.
    package func measureLoad(_ reading: LoadGauge.Reading, at now: Int64) {
        engine.measureLoad(reading, at: instant(now))
    }

    // MARK: Steps

    /// On the simulation's clock.
    package var deadline: Int64? {
        var earliest = Int64.max
        if let tick = engine.deadline { earliest = min(earliest, tick.nanoseconds + lostTime) }
        if let timer = handshakes.deadline { earliest = min(earliest, timer.nanoseconds + lostTime) }
        if let first = jobs.first { earliest = min(earliest, first.due) }
        if isFanningOut { earliest = min(earliest, nextSlice) }
        return earliest == .max ? nil : earliest
    }

    /// - Parameter arrival: When the kernel took it; `nil` for now.
    package func receive(_ bytes: [UInt8], from source: Address, arrival: Int64? = nil, at now: Int64) {
        var buffer = bytes + [UInt8](repeating: 0, count: 64)
        let path = Path(local: Self.address, remote: source)
        var span = buffer.mutableSpan
        var raw = unsafe span.mutableBytes
        engine.receive(
            &raw, length: bytes.count, on: path, arrival: instant(min(arrival ?? now, now)),
            now: instant(now),
            into: &batch)
        guard pace.slice <= Self.shortSlice, pace.interval == 0,
            batch.count + Self.shortSlice + Engine.outputReserve <= batch.capacity
        else { return }
        isFanningOut = engine.fanOut(at: instant(now), into: &batch, atMost: pace.slice)
    }

    private static let shortSlice = 8

    /// Everything that follows from what was received and from the time.
    ///
    /// - Parameter send: Called with each datagram that leaves.
    package func run(at now: Int64, send: (Path, [UInt8]) -> Void) {
        let time = instant(now)
        drain(send)
        fanOut(at: now, send)
        while engine.advance(to: time, into: &batch) { drain(send) }
        drain(send)
        for result in dueHandshakes(at: time) {
            engine.apply(result, isAnswer: false, at: time, into: &batch)
            drain(send)
        }
        runHandshakes(at: now, send)
        fanOut(at: now, send)
    }

    private func fanOut(at now: Int64, _ send: (Path, [UInt8]) -> Void) {
        repeat {
            guard now >= nextSlice || pace.interval == 0 else { return }
            isFanningOut = engine.fanOut(at: instant(now), into: &batch, atMost: pace.slice)
            nextSlice = now + pace.interval
            drain(send)
        } while isFanningOut && pace.interval == 0
    }

    private func dueHandshakes(at time: Instant) -> [HandshakeResult] {
        guard let due = handshakes.deadline, due <= time else { return [] }
        return handshakes.advance(to: time)
    }

    /// The handshake thread: one job after the other, each in its time.
    private func runHandshakes(at now: Int64, _ send: (Path, [UInt8]) -> Void) {
        submit(at: now)
        while let first = jobs.first, first.due <= now {
            jobs.removeFirst()
            let result = handshakes.run(first.job, at: instant(now))
            engine.apply(result, isAnswer: true, at: instant(now), into: &batch)
            drain(send)
            // A session that ends by the result of a job leaves another one behind.
            submit(at: now)
        }
    }

    private func submit(at now: Int64) {
        for job in engine.takeHandshakeJobs() {
            let latency =
                handshakeLatency > 0 ? Int64.random(in: 0...handshakeLatency, using: &random) : 0
            jobs.append((job, max(now, jobs.last?.due ?? now) + latency))
        }
    }

    private func drain(_ send: (Path, [UInt8]) -> Void) {
        batch.forEach { path, octets in send(path, octets) }
        batch.removeAll()
    }

    // MARK: Observations

    package var resources: EngineResources { engine.resources }
    /// Connections that hold an `SSL`.
    package var handshakeConnections: Int { handshakes.count }
    package func hasProof(_ sessionID: SessionID) -> Bool { engine.hasProof(sessionID) }
    package var counters: EngineCounters { engine.counters }
    package var journalID: [UInt8] { engine.journal.id }
    /// A copy of the session slab: what would be left of the process.
    package var slabOctets: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: slab, count: slabLength))
    }
    package var sessions: [SessionSummary] { engine.snapshot() }
    package func report(_ sessionID: SessionID) -> SessionReport? {
        engine.statistics(of: [sessionID]).first
    }

    /// Events since the last call.
    package func takeEvents() -> [EventRecord] {
        guard engine.journal.newest > eventsRead else { return [] }
        let new = ((eventsRead + 1)...engine.journal.newest).compactMap { engine.journal[$0] }
        eventsRead = engine.journal.newest
        return new
    }
}
