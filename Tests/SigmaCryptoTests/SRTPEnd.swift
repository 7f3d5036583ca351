import SigmaCrypto
import SigmaWire

enum RTPFixture {
    static func packet(
        sequenceNumber: UInt16, ssrc: UInt32 = 0x1234_5678, payload: Int = 100, contributing: Int = 0,
        extensionWords: Int? = nil
    ) -> [UInt8] {
        let header = 12 + 4 * contributing + (extensionWords.map { 4 + 4 * $0 } ?? 0)
        var bytes = (0..<(header + payload)).map {
            UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(sequenceNumber))
        }
        var elements = bytes.mutableSpan
        var span = elements.mutableBytes
        RTPHeader(
            marker: false, payloadType: 96, sequenceNumber: sequenceNumber, timestamp: 1,
            ssrc: SSRC(rawValue: ssrc)
        ).write(to: &span, hasExtension: false)
        bytes[0] |= UInt8(contributing)
        if let extensionWords {
            bytes[0] |= 0x10
            bytes.replace(bigEndian: RTP.oneByteProfile, at: 12 + 4 * contributing)
            bytes.replace(bigEndian: UInt16(extensionWords), at: 14 + 4 * contributing)
        }
        return bytes
    }

    /// A receiver report and CNAME.
    static func compound(ssrc: UInt32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 128)
        var writer = RTCPWriter()
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        writer.appendReceiverReport(from: SSRC(rawValue: ssrc), [], in: &span)
        writer.appendCNAME(Array("name".utf8), for: SSRC(rawValue: ssrc), in: &span)
        let length = writer.length
        return Array(buffer.prefix(length))
    }
}

/// One end of an association by our transforms, with arrays for the tests' convenience.
struct SRTPEnd: ~Copyable {
    let sender: SRTPSender
    let receiver: SRTPReceiver
    let profile: SRTPProfile

    init(_ profile: SRTPProfile, _ role: DTLSRole, backend: SRTPBackend = .openssl) throws {
        let keys = SRTPKeys(profile: profile, material: Self.material(profile), role: role)
        try self.init(keys, backend: backend)
    }

    init(_ master: SRTPKeys, backend: SRTPBackend = .openssl) throws {
        let keys = SRTPSessionKeys(master)
        let sender = try SRTPSender(keys, backend: backend)
        receiver = try SRTPReceiver(keys, backend: backend)
        self.sender = sender
        profile = master.profile
    }

    /// client key, server key, client salt, server salt (RFC 5764 §4.2).
    static func material(_ profile: SRTPProfile) -> [UInt8] {
        (0..<(2 * (profile.keyLength + profile.saltLength))).map { UInt8($0 &* 37 & 0xFF) }
    }

    func seal(_ packet: [UInt8], index: UInt64) -> [UInt8] {
        var buffer = packet + [UInt8](repeating: 0, count: profile.rtpOverhead)
        let headerLength = RTP.headerLength(of: packet.span.bytes) ?? 0
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        let length = sender.sealRTP(
            packet.span.bytes.extracting(headerLength...), behind: headerLength, in: &span,
            ssrc: packet.span.bytes.bigEndian(UInt32.self, at: 8), index: index)
        return Array(buffer.prefix(length))
    }

    func open(_ packet: [UInt8], index: UInt64) throws(SRTPError) -> [UInt8] {
        var buffer = packet
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        let length = try receiver.openRTP(&span, length: packet.count, index: index)
        return Array(buffer.prefix(length))
    }

    func sealRTCP(_ packet: [UInt8], index: UInt32) -> [UInt8] {
        var buffer = packet + [UInt8](repeating: 0, count: profile.rtcpOverhead)
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        let length = sender.sealRTCP(&span, length: packet.count, index: index)
        return Array(buffer.prefix(length))
    }

    func openRTCP(_ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
        guard let index = receiver.rtcpIndex(packet.span.bytes) else { throw .malformed }
        var buffer = packet
        var elements = buffer.mutableSpan
        var span = elements.mutableBytes
        let length = try receiver.openRTCP(&span, length: packet.count, index: index)
        return Array(buffer.prefix(length))
    }
}
