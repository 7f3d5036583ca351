import CAllocationCounter
import SigmaCore
import SigmaCrypto
import SigmaEngine
import SigmaWire

/// A publisher and viewers at an engine, as far as packets go: keys are given, no handshakes, no sockets.
final class Broadcast {
    private static let local = Address(v4: 0xC000_0201, port: 5004)
    private static let profile = SRTPProfile.aeadAES128GCM
    private static let videoSSRC: UInt32 = 71
    private static let audioSSRC: UInt32 = 70
    private static let payloadLength = 1100
    private static let headerLength = 24

    private var engine: Engine
    private var batch = DatagramBatch(capacity: 256)
    private let slab: UnsafeMutableRawPointer
    private let journal: UnsafeMutableRawPointer
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1600, alignment: 16)
    private let payload: [UInt8]
    private let publisher: SRTPSender
    private var now: Int64 = 50_000_000_000
    private var videoIndex: UInt64 = 100
    private var audioIndex: UInt64 = 100
    private var transportNumber: UInt16 = 0
    private(set) var received = 0
    private(set) var slices = 0
    /// What was counted in receiving and in sending.
    private(set) var receiving = Counts()
    private(set) var sending = Counts()

    struct Counts: Equatable {
        var allocations: UInt64 = 0
        var retains: UInt64 = 0
        var releases: UInt64 = 0
        var accesses: UInt64 = 0

        static var current: Counts {
            Counts(
                allocations: CAllocationCounter_allocations(), retains: CAllocationCounter_retains(),
                releases: CAllocationCounter_releases(), accesses: CAllocationCounter_accesses())
        }

        mutating func add(since start: Counts) {
            let end = Counts.current
            allocations += end.allocations - start.allocations
            retains += end.retains - start.retains
            releases += end.releases - start.releases
            accesses += end.accesses - start.accesses
        }
    }

    init(viewers: Int) throws {
        let fingerprint = try Identity(selfSignedForDays: 1).fingerprint
        let sender = try SRTPSender(SRTPSessionKeys(Self.keys(0, role: .client)))
        var seed: UInt64 = 1
        var configuration = EngineConfiguration { count in
            (0..<count).map { _ in
                seed = seed &* 6_364_136_223_846_793_005 &+ 1
                return UInt8(truncatingIfNeeded: seed >> 40)
            }
        }
        configuration.sessionLimit = viewers + 1
        configuration.journalCapacity = 256
        let lengths = (
            slab: SessionSlab.byteCount(for: configuration.sessionLimit),
            journal: Journal.byteCount(capacity: configuration.journalCapacity)
        )
        slab = .allocate(byteCount: lengths.slab, alignment: 4096)
        journal = .allocate(byteCount: lengths.journal, alignment: 4096)
        slab.initializeMemory(as: UInt8.self, repeating: 0, count: lengths.slab)
        journal.initializeMemory(as: UInt8.self, repeating: 0, count: lengths.journal)
        publisher = sender
        engine = Engine(
            configuration, fingerprint: fingerprint, slabMemory: slab, journalMemory: journal)
        payload = (0..<Self.payloadLength).map { UInt8(truncatingIfNeeded: $0) }
        try join(.publisher, number: 0)
        for number in 1...viewers { try join(.viewer, number: number) }
        drain()
    }

    deinit {
        buffer.deallocate()
        slab.deallocate()
        journal.deallocate()
    }

    private static func keys(_ number: Int, role: DTLSRole) -> SRTPKeys {
        let material = (0..<56).map { UInt8(truncatingIfNeeded: $0 * 7 + number * 13) }
        return SRTPKeys(profile: profile, material: material, role: role)
    }

    private var instant: Instant { Instant(nanoseconds: now) }

    // MARK: Sessions

    private func join(_ role: Role, number: Int) throws {
        guard let room = RoomID(rawValue: 1),
            let fingerprint = CertificateFingerprint(hash: .sha256, digest: [UInt8](repeating: 1, count: 32))
        else { throw CommandError.invalid(.roomID) }
        let ssrcs: (UInt32, UInt32) = role == .publisher ? (Self.audioSSRC, Self.videoSSRC) : (5, 6)
        let credentials = try engine.open(
            SessionRequest(
                sessionID: SessionID(high: 1, low: UInt64(number)), roomID: room, role: role,
                remoteUfrag: Array("peer".utf8), fingerprints: [fingerprint], dtlsRole: .server,
                media: [
                    Self.line(.audio, mid: "0", payloadType: 111, ssrc: ssrcs.0),
                    Self.line(.video, mid: "1", payloadType: 102, ssrc: ssrcs.1),
                ], cname: Array("engine".utf8)),
            at: instant, into: &batch)
        var check = STUNMessageBuilder(.request, transaction: TransactionID(high: 1, low: UInt64(number)))
        check.append(STUN.Attribute.username, credentials.ufrag + Array(":peer".utf8))
        check.append(STUN.Attribute.iceControlling, [UInt8](repeating: 1, count: 8))
        check.append(STUN.Attribute.useCandidate, [])
        check.seal(password: credentials.password)
        receive(check.bytes, from: number)
        let handle = SessionHandle(slot: UInt32(number), generation: 1)
        engine.apply(
            HandshakeResult(handle, on: path(number), .secured(Self.keys(number, role: .server))),
            isAnswer: false, at: instant, into: &batch)
        drain()
    }

    private static func line(
        _ kind: MediaKind, mid: String, payloadType: UInt8, ssrc: UInt32
    ) -> MediaLineRecord {
        var line = MediaLineRecord()
        line.mid = FixedOctets(Array(mid.utf8)) ?? FixedOctets()
        line.kind = kind
        line.codec = kind == .audio ? .opus : .h264
        line.payloadType = payloadType
        line.clockRate = kind == .audio ? 48_000 : 90_000
        line.ssrc = ssrc
        line.extensionIDs[Int(ExtensionKind.mid.rawValue)] = 4
        line.extensionIDs[Int(ExtensionKind.audioLevel.rawValue)] = 6
        line.feedback = .transportCC
        line.extensionIDs[Int(ExtensionKind.transportCC.rawValue)] = 3
        return line
    }

    private func path(_ number: Int) -> Path {
        Path(local: Self.local, remote: Address(v4: 0x0A00_0000 + UInt32(number), port: 40_000))
    }

    private func receive(_ datagram: [UInt8], from number: Int) {
        for (place, octet) in datagram.enumerated() { buffer[place] = octet }
        receive(length: datagram.count, from: number)
    }

    private func receive(length: Int, from number: Int) {
        let path = path(number)
        var bytes = MutableRawSpan(_unsafeBytes: buffer)
        engine.receive(
            &bytes, length: length, on: path, arrival: instant, now: instant, into: &batch)
    }

    private func drain() { batch.removeAll() }

    var forwarded: UInt64 { engine.counters.rtpForwarded }

    // MARK: Media

    /// One picture of ten packets, two of sound, and all that follows.
    func picture() {
        now += 2_000_000
        for place in 0..<10 { video(place) }
        for _ in 0..<2 { audio() }
        var isLeft = true
        while isLeft {
            let start = Counts.current
            CAllocationCounter_begin()
            isLeft = engine.fanOut(at: instant, into: &batch)
            CAllocationCounter_end()
            sending.add(since: start)
            slices += 1
            drain()
        }
    }

    private func video(_ place: Int) {
        // An IDR with its parameter sets in one, and never again; then fragments (RFC 6184 §5.7.1, §5.8).
        let timestamp = UInt32(truncatingIfNeeded: now / 11_111)
        write(102, videoIndex, timestamp, Self.videoSSRC, marker: place == 9, [0x40, 0x31])
        for offset in 0..<Self.payloadLength { buffer[Self.headerLength + offset] = payload[offset] }
        if videoIndex == 100 {
            let head: [UInt8] = [0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0x42, 0, 2, 0x65, 0x88]
            for (offset, octet) in head.enumerated() { buffer[Self.headerLength + offset] = octet }
            send(head.count, videoIndex, Self.videoSSRC)
        } else {
            buffer[Self.headerLength] = 0x7C
            buffer[Self.headerLength + 1] = 0x01
            // Lengths differ as a browser's do.
            send(Self.payloadLength - place % 2, videoIndex, Self.videoSSRC)
        }
        videoIndex += 1
    }

    private func audio() {
        write(
            111, audioIndex, UInt32(truncatingIfNeeded: audioIndex * 960), Self.audioSSRC, marker: false,
            [0x60, 0x55])
        send(120, audioIndex, Self.audioSSRC)
        audioIndex += 1
    }

    private func write(
        _ payloadType: UInt8, _ index: UInt64, _ timestamp: UInt32, _ ssrc: UInt32, marker: Bool,
        _ element: InlineArray<2, UInt8>
    ) {
        var bytes = MutableRawSpan(_unsafeBytes: buffer)
        RTPHeader(
            marker: marker, payloadType: payloadType, sequenceNumber: UInt16(truncatingIfNeeded: index),
            timestamp: timestamp, ssrc: SSRC(rawValue: ssrc)
        ).write(to: &bytes, hasExtension: true)
        bytes.store(bigEndian: RTP.oneByteProfile, at: 12)
        bytes.store(bigEndian: UInt16(2), at: 14)
        for place in 0..<2 { bytes.store(bigEndian: element[place], at: 16 + place) }
        bytes.store(bigEndian: UInt8(0x31), at: 18)
        bytes.store(bigEndian: transportNumber, at: 19)
        bytes.store(bigEndian24: 0, at: 21)
        transportNumber &+= 1
    }

    /// Encrypts what lies in the buffer, and counts what the engine does with it.
    private func send(_ count: Int, _ index: UInt64, _ ssrc: UInt32) {
        let plain = Array(buffer[Self.headerLength..<(Self.headerLength + count)])
        var length = 0
        do {
            var bytes = MutableRawSpan(_unsafeBytes: buffer)
            length = publisher.sealRTP(
                plain.span.bytes, behind: Self.headerLength, in: &bytes, ssrc: ssrc, index: index)
        }
        received += 1
        let start = Counts.current
        CAllocationCounter_begin()
        receive(length: length, from: 0)
        CAllocationCounter_end()
        receiving.add(since: start)
    }

    func forgetCounts() {
        receiving = Counts()
        sending = Counts()
        received = 0
        slices = 0
    }
}
