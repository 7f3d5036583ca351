package import SigmaCore
internal import SigmaCrypto
package import SigmaEngine
package import SigmaPeer
package import SigmaWire

/// The engines of one server, with the shell around them that the simulation needs: memory, batches, the law of the
/// calls, what shards have for each other, and the control thread's directory.
@safe package final class SimulatedServer {
    package static let address = Address(v4: 0xC000_0201, port: 5004)

    private let shards: [SimulatedShard]
    private var directory: SessionDirectory
    private let slab: UnsafeMutableRawPointer
    private let slabLength: Int
    package let journalID: [UInt8]
    private var events: [EventRecord] = []
    private var eventCount: UInt64 = 0
    private var viewerSSRCs: UInt32 = 0
    private let handshakeLatency: Int64
    private var random: SplitMix64
    /// Nanoseconds that the server's clock is behind the simulation's.
    private var lostTime: Int64 = 0
    /// How it sends to viewers.
    package var pace = Pace()

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

    /// - Parameters:
    ///   - handshakeLatency: Nanoseconds that a step of a handshake takes at most.
    ///   - shards: Sessions are spread over so many engines, a room's viewers too, and so are datagrams, whosever
    ///     they are.
    /// - Throws: When OpenSSL cannot make an identity.
    package init(
        seed: UInt64, sessionLimit: Int = 64, journalCapacity: Int = 4096, handshakeLatency: Int64 = 0,
        shards count: Int = 1
    ) throws {
        self.handshakeLatency = handshakeLatency
        self.random = SplitMix64(seed: seed ^ 0x1A7E)
        var random = SplitMix64(seed: seed)
        var configuration = EngineConfiguration { count in random.octets(count) }
        configuration.sessionLimit = sessionLimit
        configuration.journalCapacity = journalCapacity
        configuration.shardCount = count
        journalID = configuration.entropy(16)
        slabLength = SessionSlab.byteCount(for: sessionLimit * count)
        unsafe slab = .allocate(byteCount: slabLength, alignment: 4096)
        unsafe slab.initializeMemory(as: UInt8.self, repeating: 0, count: slabLength)
        unsafe SessionSlab.writeHeader(to: slab, count: sessionLimit * count, journalID: journalID)
        let identity = try Identity(selfSignedForDays: 30)
        var shards: [SimulatedShard] = []
        for shard in 0..<count {
            configuration.shard = shard
            let offset = SessionSlab.headerLength + shard * sessionLimit * SessionRecord.length
            shards.append(
                try unsafe SimulatedShard(
                    configuration, identity, records: slab + offset, journalID: journalID))
        }
        self.shards = shards
        directory = SessionDirectory(shards: count, sessionLimit: sessionLimit)
    }

    deinit { unsafe slab.deallocate() }

    // MARK: Time

    /// The server's clock when the simulation's says `now`.
    package func time(_ now: Int64) -> Int64 { now - lostTime }

    private func instant(_ now: Int64) -> Instant { Instant(nanoseconds: time(now)) }

    /// The server's clock has stood still.
    package func loseTime(_ nanoseconds: Int64) { lostTime += nanoseconds }

    /// Lets the wall clock jump; the monotonic one runs on.
    package func stepWallClock(by nanoseconds: Int64) {
        for shard in shards { shard.engine.wallClockOffset += nanoseconds }
    }

    // MARK: Commands

    /// Opens a session for what `peer` offers.
    ///
    /// - Parameter announcesFingerprint: The certificate that signaling was told of.
    /// - Returns: The answer for the peer.
    package func open(
        _ sessionID: SessionID, room: RoomID, offer: Offer, announcesFingerprint fingerprint: [UInt8]? = nil,
        takesOver: Bool = false, at now: Int64
    ) throws -> Answer {
        let lines = offer.media.map { mediaLine($0) }
        let role: DTLSRole = offer.setup == .passive ? .client : .server
        guard let announced = CertificateFingerprint(hash: .sha256, digest: fingerprint ?? offer.fingerprint)
        else { throw PeerError.fingerprintMismatch }
        let request = SessionRequest(
            sessionID: sessionID, roomID: room, role: offer.role == .publisher ? .publisher : .viewer,
            remoteUfrag: Array(offer.ufrag.utf8), fingerprints: [announced], dtlsRole: role, media: lines,
            cname: Array("server".utf8), takesOver: takesOver)
        let credentials = try open(request, at: now)
        return Answer(
            ufrag: String(decoding: credentials.ufrag, as: UTF8.self),
            password: String(decoding: credentials.password, as: UTF8.self),
            fingerprint: shards[0].engine.fingerprint.digest, serverIsActive: role == .client,
            candidates: [Self.address],
            media: zip(offer.media, lines).map { media, line in
                Self.answer(media, line, offer.role)
            })
    }

    private static func answer(_ media: Offer.Media, _ line: MediaLineRecord, _ role: SigmaPeer.PeerRole)
        -> Answer.Media
    {
        var answer = Answer.Media(
            kind: media.kind, mid: media.mid, payloadType: line.payloadType,
            ssrc: role == .viewer ? line.ssrc : nil, midExtensionID: Offer.midExtensionID,
            transportNumberExtensionID: media.bandwidthFeedback == .transportWide
                ? Offer.transportNumberExtensionID : nil)
        answer.hasNACK = line.feedback.contains(.nack)
        if line.rtxPayloadType != 0 { answer.rtxPayloadType = line.rtxPayloadType }
        if role == .viewer, line.rtxSSRC != 0 { answer.rtxSSRC = line.rtxSSRC }
        return answer
    }

    private func open(_ request: SessionRequest, at now: Int64) throws -> ICECredentials {
        // Whatever shard it is: a room's sessions may be anywhere.
        let busy = shards.count == 1 ? [0] : shards.map { _ in Double.random(in: 0...1, using: &random) }
        let shard = try directory.place(request, busy: busy, at: UInt64(now))
        do {
            let credentials = try shards[shard].engine.open(
                request, at: instant(now), into: &shards[shard].batch)
            // What it has led to comes before the answer.
            noteEvents()
            follow(directory.opened(request.sessionID))
            return credentials
        } catch {
            directory.refused(request.sessionID)
            throw error
        }
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
        if media.hasNACK { line.feedback.insert(.nack) }
        line.rtxPayloadType = media.formats.first?.rtxPayloadType ?? 0
        line.rtxSSRC = media.rtxSSRC ?? 0
        switch media.bandwidthFeedback {
        case .none: break
        case .transportWide:
            line.feedback.insert(.transportCC)
            line.extensionIDs[Int(ExtensionKind.transportCC.rawValue)] = Offer.transportNumberExtensionID
        case .estimate: line.feedback.insert(.googREMB)
        }
        // Publisher: as announced. Viewer: of the server's choosing.
        if let ssrc = media.ssrc {
            line.ssrc = ssrc
        } else {
            viewerSSRCs += 1
            line.ssrc = 0x5100_0000 | viewerSSRCs
            if line.rtxPayloadType != 0 { line.rtxSSRC = 0x5200_0000 | viewerSSRCs }
        }
        return line
    }

    package func close(_ sessionID: SessionID, reason: EndReason = .requested, at now: Int64) throws {
        let shard = try shard(of: sessionID)
        try shard.engine.close(sessionID, reason: reason, at: instant(now), into: &shard.batch)
        noteEvents()
    }

    package func setPaused(_ isPaused: Bool, _ sessionID: SessionID) throws {
        try shard(of: sessionID).engine.setPaused(isPaused, sessionID)
    }

    private func shard(of sessionID: SessionID) throws(CommandError) -> SimulatedShard {
        guard let place = directory.shard(of: sessionID) else { throw .noSuchSession }
        return shards[place]
    }

    /// Tells the engine what its thread has used.
    package func measureLoad(_ reading: LoadGauge.Reading, at now: Int64) {
        for shard in shards { shard.engine.measureLoad(reading, at: instant(now)) }
    }

    // MARK: Steps

    /// On the simulation's clock.
    package var deadline: Int64? {
        var earliest = Int64.max
        for shard in shards {
            if let tick = shard.engine.deadline { earliest = min(earliest, tick.nanoseconds + lostTime) }
            if let timer = shard.handshakes.deadline {
                earliest = min(earliest, timer.nanoseconds + lostTime)
            }
            if let first = shard.jobs.first { earliest = min(earliest, first.due) }
            if shard.isFanningOut { earliest = min(earliest, shard.nextSlice) }
        }
        return earliest == .max ? nil : earliest
    }

    /// - Parameter arrival: When the kernel took it; `nil` for now.
    package func receive(_ bytes: [UInt8], from source: Address, arrival: Int64? = nil, at now: Int64) {
        let path = Path(local: Self.address, remote: source)
        let arrival = instant(min(arrival ?? now, now))
        // The kernel's hash knows nothing of sessions.
        let place = Int(truncatingIfNeeded: (source.low ^ UInt64(source.port) << 13) % UInt64(shards.count))
        let owner = receive(bytes, on: path, arrival: arrival, at: now, by: place)
        guard let owner else { return }
        _ = receive(bytes, on: path, arrival: arrival, at: now, by: owner)
        if bytes[0] < 4, shards[owner].engine.owns(path) {
            shards[place].engine.claim(path, for: owner, at: instant(now))
        }
    }

    /// - Returns: The shard that it is for, when that is another.
    private func receive(
        _ bytes: [UInt8], on path: Path, arrival: Instant, at now: Int64, by place: Int
    ) -> Int? {
        let shard = shards[place]
        var buffer = bytes + [UInt8](repeating: 0, count: 64)
        var span = buffer.mutableSpan
        var raw = unsafe span.mutableBytes
        shard.engine.receive(
            &raw, length: bytes.count, on: path, arrival: arrival, now: instant(now), into: &shard.batch)
        relay(from: shard)
        if pace.slice <= Self.shortSlice, pace.interval == 0,
            shard.batch.count + Self.shortSlice + Engine.outputReserve <= shard.batch.capacity
        {
            shard.isFanningOut = shard.engine.fanOut(
                at: instant(now), into: &shard.batch, atMost: pace.slice)
        }
        return shard.engine.takeMisdelivered()
    }

    private static let shortSlice = 8

    /// Everything that follows from what was received and from the time.
    ///
    /// - Parameter send: Called with each datagram that leaves.
    package func run(at now: Int64, send: (Path, [UInt8]) -> Void) {
        for shard in shards { run(shard, at: now, send) }
        // What the last one had for those before it.
        if shards.count > 1 { for shard in shards { fanOut(shard, at: now, send) } }
    }

    private func run(_ shard: SimulatedShard, at now: Int64, _ send: (Path, [UInt8]) -> Void) {
        let time = instant(now)
        drain(shard, send)
        fanOut(shard, at: now, send)
        while shard.engine.advance(to: time, into: &shard.batch) { drain(shard, send) }
        drain(shard, send)
        for result in dueHandshakes(shard, at: time) {
            shard.engine.apply(result, isAnswer: false, at: time, into: &shard.batch)
            drain(shard, send)
        }
        runHandshakes(shard, at: now, send)
        relay(from: shard)
        for wish in shard.engine.takeKeyframeWishes() {
            shards[wish.shard].engine.wantKeyframe(publication: wish.publication)
        }
        fanOut(shard, at: now, send)
        noteEvents()
    }

    private func fanOut(_ shard: SimulatedShard, at now: Int64, _ send: (Path, [UInt8]) -> Void) {
        repeat {
            guard now >= shard.nextSlice || pace.interval == 0 else { return }
            shard.isFanningOut = shard.engine.fanOut(
                at: instant(now), into: &shard.batch, atMost: pace.slice)
            shard.nextSlice = now + pace.interval
            drain(shard, send)
        } while shard.isFanningOut && pace.interval == 0
    }

    private func dueHandshakes(_ shard: SimulatedShard, at time: Instant) -> [HandshakeResult] {
        guard let due = shard.handshakes.deadline, due <= time else { return [] }
        return shard.handshakes.advance(to: time)
    }

    /// The handshake thread: one job after the other, each in its time.
    private func runHandshakes(_ shard: SimulatedShard, at now: Int64, _ send: (Path, [UInt8]) -> Void) {
        submit(shard, at: now)
        while let first = shard.jobs.first, first.due <= now {
            shard.jobs.removeFirst()
            let result = shard.handshakes.run(first.job, at: instant(now))
            shard.engine.apply(result, isAnswer: true, at: instant(now), into: &shard.batch)
            drain(shard, send)
            // A session that ends by the result of a job leaves another one behind.
            submit(shard, at: now)
        }
    }

    private func submit(_ shard: SimulatedShard, at now: Int64) {
        for job in shard.engine.takeHandshakeJobs() {
            let latency =
                handshakeLatency > 0 ? Int64.random(in: 0...handshakeLatency, using: &random) : 0
            shard.jobs.append((job, max(now, shard.jobs.last?.due ?? now) + latency))
        }
    }

    private func drain(_ shard: SimulatedShard, _ send: (Path, [UInt8]) -> Void) {
        shard.batch.forEach { path, octets in send(path, octets) }
        shard.batch.removeAll()
    }

    // MARK: Between shards

    private func relay(from shard: SimulatedShard) {
        guard shards.count > 1 else { return }
        while shard.engine.hasRelays {
            shard.engine.takeRelays { others, packet, octets in
                for other in others { shards[other].engine.receive(packet, octets) }
            }
        }
    }

    private func follow(_ instructions: [(shard: Int, SessionDirectory.Instruction)]) {
        for (shard, instruction) in instructions {
            switch instruction {
            case .mirror(let room, let publication, let source, let media):
                shards[shard].engine.mirror(room, publication: publication, from: source, media: media)
            case .endMirror(let publication): shards[shard].engine.endMirror(publication: publication)
            case .feed(let room, let publication, let others):
                shards[shard].engine.feed(room, publication: publication, to: others)
            }
        }
    }

    private func noteEvents() {
        for shard in shards {
            for var record in shard.takeEvents() {
                eventCount += 1
                record.number = eventCount
                events.append(record)
                follow(directory.note(record))
            }
        }
    }

    // MARK: Observations

    package var resources: EngineResources { shards.reduce(EngineResources()) { $0 + $1.engine.resources } }
    /// Connections that hold an `SSL`.
    package var handshakeConnections: Int { shards.reduce(0) { $0 + $1.handshakes.count } }
    package func hasProof(_ sessionID: SessionID) -> Bool {
        shards.contains { $0.engine.hasProof(sessionID) }
    }
    package var counters: EngineCounters { shards.reduce(EngineCounters()) { $0 + $1.engine.counters } }
    /// A copy of the session slab: what would be left of the process.
    package var slabOctets: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: slab, count: slabLength))
    }
    package var sessions: [SessionSummary] { shards.flatMap { $0.engine.snapshot() } }
    /// As the control thread tells them.
    package var snapshot: [SessionSummary] { directory.snapshot }
    package func place(of sessionID: SessionID) -> Int? { directory.shard(of: sessionID) }
    package func report(_ sessionID: SessionID) -> SessionReport? {
        shards.lazy.compactMap { $0.engine.statistics(of: [sessionID]).first }.first
    }

    /// Events since the last call.
    package func takeEvents() -> [EventRecord] {
        noteEvents()
        defer { events = [] }
        return events
    }
}
