import SigmaCore
import SigmaCrypto
import SigmaEngine
import SigmaTestKit
import SigmaWire

/// The engine with peers whose every packet and arrival time a test names itself.
///
/// Handshakes are real, media is written by hand, time stands still but in ``run(for:)`` and ``now``.
@safe final class TruthRig {
    /// One session, and all it was sent, decrypted.
    final class Member {
        let sessionID: SessionID
        let path: Path
        fileprivate let username: [UInt8]
        fileprivate let password: [UInt8]
        fileprivate var dtls: DTLSConnection
        fileprivate var srtp: TruthTransform?
        fileprivate(set) var rtp: [ReceivedRTP] = []
        /// Each as it was encrypted, in the order of ``rtp``.
        fileprivate(set) var sealed: [[UInt8]] = []
        fileprivate(set) var rtcp: [ReceivedRTCP] = []
        /// Media that a receiver of RFC 3711 §3.3.1 could not decrypt.
        fileprivate(set) var undecryptable = 0
        /// The server's last word in DTLS.
        fileprivate(set) var isClosed = false
        /// Datagrams of any kind.
        fileprivate(set) var datagrams = 0

        fileprivate init(
            _ sessionID: SessionID, _ path: Path, username: [UInt8], password: [UInt8],
            dtls: consuming DTLSConnection
        ) {
            self.sessionID = sessionID
            self.path = path
            self.username = username
            self.password = password
            self.dtls = dtls
        }
    }

    private static let local = Address(v4: 0xC000_0201, port: 5004)
    static let midExtensionID: UInt8 = 4
    static let ridExtensionID: UInt8 = 5

    private var engine: Engine
    private var handshakes: Handshakes
    private let identity: Identity
    private let clientIdentity: Identity
    private var batch = DatagramBatch(capacity: 64)
    private let slab: UnsafeMutableRawPointer
    private let journal: UnsafeMutableRawPointer
    private(set) var members: [Member] = []
    var now: Int64 = 50_000_000_000
    private var nextCheck: Int64 = 0
    /// Datagrams of a slice of the fan-out, and whether there is time for any.
    var slice = Int.max
    var isStalled = false
    /// Members that send no checks any more.
    var silent: Set<SessionID> = []

    static let wallClockOffset: Int64 = 1_700_000_000_000_000_000

    init() throws {
        var random = SplitMix64(seed: 4711)
        var configuration = EngineConfiguration { count in random.octets(count) }
        configuration.sessionLimit = 16
        configuration.journalCapacity = 256
        let lengths = (
            slab: SessionSlab.byteCount(for: configuration.sessionLimit),
            journal: Journal.byteCount(capacity: configuration.journalCapacity)
        )
        unsafe slab = .allocate(byteCount: lengths.slab, alignment: 4096)
        unsafe journal = .allocate(byteCount: lengths.journal, alignment: 4096)
        unsafe slab.initializeMemory(as: UInt8.self, repeating: 0, count: lengths.slab)
        unsafe journal.initializeMemory(as: UInt8.self, repeating: 0, count: lengths.journal)
        identity = try Identity(selfSignedForDays: 1)
        clientIdentity = try Identity(selfSignedForDays: 1)
        handshakes = try Handshakes(identity)
        unsafe engine = Engine(
            configuration, fingerprint: identity.fingerprint, slabMemory: slab, journalMemory: journal)
        engine.wallClockOffset = Self.wallClockOffset
    }

    deinit {
        unsafe slab.deallocate()
        unsafe journal.deallocate()
    }

    var counters: EngineCounters { engine.counters }
    var instant: Instant { Instant(nanoseconds: now) }

    /// What the statistics say of it.
    func report(_ member: Member) -> SessionReport? { engine.statistics(of: [member.sessionID]).first }

    func isOpen(_ member: Member) -> Bool { engine.statistics(of: [member.sessionID]).first != nil }

    // MARK: Sessions

    static func line(
        _ kind: MediaKind, mid: String, payloadType: UInt8, ssrc: UInt32 = 0,
        feedback: MediaLineRecord.Feedback = [.nackPLI, .ccmFIR]
    ) -> MediaLineRecord {
        var line = MediaLineRecord()
        line.mid = FixedOctets(Array(mid.utf8)) ?? FixedOctets()
        line.kind = kind
        line.codec = kind == .audio ? .opus : .h264
        line.payloadType = payloadType
        line.clockRate = kind == .audio ? 48_000 : 90_000
        line.ssrc = ssrc
        line.extensionIDs[Int(ExtensionKind.mid.rawValue)] = midExtensionID
        line.extensionIDs[Int(ExtensionKind.rid.rawValue)] = ridExtensionID
        if kind == .video { line.feedback = feedback }
        return line
    }

    /// Opens a session and does no more.
    func open(
        _ role: Role, room: UInt64 = 1, _ media: [MediaLineRecord], cname: String = "truth",
        takesOver: Bool = false
    ) throws -> Member {
        let number = UInt32(members.count) + 1
        let sessionID = SessionID(high: 9, low: UInt64(number))
        guard let roomID = RoomID(rawValue: room) else { throw CommandError.invalid(.roomID) }
        let credentials = try engine.open(
            SessionRequest(
                sessionID: sessionID, roomID: roomID, role: role, remoteUfrag: Array("peer".utf8),
                fingerprints: [clientIdentity.fingerprint], dtlsRole: .server, media: media,
                cname: Array(cname.utf8), takesOver: takesOver),
            at: instant, into: &batch)
        let member = Member(
            sessionID, Path(local: Self.local, remote: Address(v4: 0x0A00_0000 + number, port: 40_000)),
            username: credentials.ufrag + Array(":peer".utf8), password: credentials.password,
            dtls: try DTLSConnection(
                DTLSContext(clientIdentity), role: .client, expecting: [identity.fingerprint]))
        members.append(member)
        return member
    }

    func tracks(of member: Member) -> [TrackReport] {
        engine.statistics(of: [member.sessionID]).first?.tracks ?? []
    }

    /// Opens a session, checks its path and shakes hands.
    func join(
        _ role: Role, room: UInt64 = 1, _ media: [MediaLineRecord], cname: String = "truth",
        takesOver: Bool = false
    ) throws -> Member {
        let member = try open(role, room: room, media, cname: cname, takesOver: takesOver)
        // Several, so that three times their octets is enough for the server's flight.
        for _ in 0..<4 { check(member) }
        _ = try member.dtls.start()
        for _ in 0..<8 where member.srtp == nil {
            for datagram in member.dtls.takeOutput() { receive(datagram, from: member) }
            settle()
        }
        return member
    }

    func close(_ member: Member, reason: EndReason = .requested) throws {
        try engine.close(member.sessionID, reason: reason, at: instant, into: &batch)
        settle()
    }

    func setPaused(_ isPaused: Bool, _ member: Member) throws {
        try engine.setPaused(isPaused, member.sessionID)
    }

    /// A connectivity check, answered or not.
    func check(_ member: Member, hasFingerprint: Bool = true) {
        var message = STUNMessageBuilder(
            .request, transaction: TransactionID(high: 7, low: UInt64(bitPattern: now)))
        message.append(STUN.Attribute.username, member.username)
        message.append(STUN.Attribute.iceControlling, [UInt8](repeating: 1, count: 8))
        message.append(STUN.Attribute.useCandidate, [])
        if hasFingerprint {
            message.seal(password: member.password)
        } else {
            let input = message.integrityInput()
            message.appendIntegrity(HMACSHA1.code(input, key: member.password))
        }
        receive(message.bytes, from: member)
        settle()
    }

    // MARK: Media

    /// Encrypts as `member` would, in the order of its sending.
    func protect(_ plain: [UInt8], by member: Member, isRTCP: Bool = false) -> [UInt8] {
        let sealed = isRTCP ? member.srtp?.protectRTCP(plain) : member.srtp?.protectRTP(plain)
        return sealed ?? []
    }

    /// Delivers what ``protect(_:by:isRTCP:)`` made, now.
    func deliver(_ datagram: [UInt8], from member: Member) {
        receive(datagram, from: member)
        settle()
    }

    func send(_ packet: RTPFixture, from member: Member) {
        deliver(protect(packet.octets, by: member), from: member)
    }

    func sendRTCP(_ plain: [UInt8], from member: Member) {
        deliver(protect(plain, by: member, isRTCP: true), from: member)
    }

    private func receive(_ datagram: [UInt8], from member: Member) {
        var buffer = datagram + [UInt8](repeating: 0, count: 64)
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        engine.receive(
            &span, length: datagram.count, on: member.path, arrival: instant, now: instant, into: &batch)
    }

    // MARK: Time

    /// Lets time pass in steps of the engine's own timers, with a check of every member each 4 s.
    func run(for nanoseconds: Int64) {
        let end = now + nanoseconds
        while now < end {
            now = min(end, now + 5_000_000)
            if now >= nextCheck {
                nextCheck = now + 4_000_000_000
                for member in members where !silent.contains(member.sessionID) { check(member) }
            }
            settle()
        }
    }

    /// Does one slice.
    ///
    /// - Returns: Whether something is left.
    func fanOutSlice() -> Bool {
        let isLeft = engine.fanOut(at: instant, into: &batch, atMost: slice)
        drain()
        return isLeft
    }

    func settle() {
        drain()
        while !isStalled, engine.fanOut(at: instant, into: &batch, atMost: slice) { drain() }
        drain()
        while engine.advance(to: instant, into: &batch) { drain() }
        drain()
        for result in handshakes.advance(to: instant) {
            engine.apply(result, isAnswer: false, at: instant, into: &batch)
            drain()
        }
        for job in engine.takeHandshakeJobs() {
            engine.apply(handshakes.run(job, at: instant), isAnswer: true, at: instant, into: &batch)
            drain()
        }
    }

    private func drain() {
        batch.forEach { path, datagram in
            guard let member = members.first(where: { $0.path == path }) else { return }
            take(datagram, for: member)
        }
        batch.removeAll()
    }

    private func take(_ datagram: [UInt8], for member: Member) {
        member.datagrams += 1
        switch DatagramKind(datagram.span.bytes) {
        case .dtls:
            let step = try? member.dtls.receive(datagram)
            if step == .closedByPeer { member.isClosed = true }
            if step == .established, member.srtp == nil, let keys = try? member.dtls.exportKeys(role: .client)
            {
                member.srtp = try? TruthTransform(keys)
            }
        case .rtp:
            guard let opened = member.srtp?.unprotectRTP(datagram) else {
                member.undecryptable += 1
                return
            }
            if !opened.isExpected { member.undecryptable += 1 }
            member.rtp.append(ReceivedRTP(opened.plain, index: opened.index, at: now))
            member.sealed.append(datagram)
        case .rtcp:
            guard let plain = member.srtp?.unprotectRTCP(datagram) else { return }
            member.rtcp.append(ReceivedRTCP(octets: plain, at: now))
        case .stun, .unknown: break
        }
    }
}
