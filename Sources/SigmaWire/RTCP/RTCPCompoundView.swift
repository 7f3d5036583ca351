package enum RTCP {
    package static let headerLength = 4

    /// RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2.
    package enum PacketType {
        package static let senderReport: UInt8 = 200
        package static let receiverReport: UInt8 = 201
        package static let sourceDescription: UInt8 = 202
        package static let bye: UInt8 = 203
        package static let applicationDefined: UInt8 = 204
        package static let transportFeedback: UInt8 = 205
        package static let payloadFeedback: UInt8 = 206
        package static let extendedReport: UInt8 = 207
    }

    /// FMT of transport-layer and payload-specific feedback.
    package enum Format {
        package static let genericNACK: UInt8 = 1
        package static let transportCC: UInt8 = 15
        package static let pictureLossIndication: UInt8 = 1
        package static let fullIntraRequest: UInt8 = 4
        package static let applicationLayer: UInt8 = 15
    }
}

/// One decrypted RTCP datagram: packets one after the other, each checked against its length field.
///
/// ```
/// |V=2|P|  count  |      PT       |     length in words, less 1   |
/// ```
///
/// Dropped whole when any part is broken. Compound packets that begin with a report and reduced-size
/// ones are both read.
///
/// - SeeAlso: RFC 3550 §6.1, appendix A.2; RFC 5506 §3.1
package struct RTCPCompoundView: ~Escapable {
    package let bytes: RawSpan

    /// - Throws: ``WireError`` when a version, a length or a padding is wrong, a report is shorter than
    ///   its count of blocks, or octets are left over.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) throws(WireError) {
        var offset = 0
        repeat {
            try bytes.require(offset + RTCP.headerLength)
            guard bytes.octet(at: offset) >> 6 == RTP.version else { throw .malformed(.version) }
            let end = offset + 4 * (Int(bytes.bigEndian(UInt16.self, at: offset + 2)) + 1)
            try bytes.require(end)
            let packet = RTCPPacket(in: bytes, range: offset..<end)
            // RFC 3550 §6.4.1: padding only in the last packet of a compound.
            if bytes.octet(at: offset) & 0x20 != 0 {
                guard end == bytes.byteCount else { throw .malformed(.padding) }
                let padding = Int(bytes.octet(at: end - 1))
                guard padding > 0, padding <= end - offset - RTCP.headerLength else {
                    throw .malformed(.padding)
                }
            }
            try packet.checkLength(in: bytes)
            offset = end
        } while offset < bytes.byteCount
        self.bytes = bytes
    }

    package var packets: RTCPPackets { RTCPPackets() }
}

/// Walks a checked compound: ``next(in:)`` until `nil`.
package struct RTCPPackets: Sendable {
    private var offset = 0

    init() {}

    package mutating func next(in compound: borrowing RTCPCompoundView) -> RTCPPacket? {
        guard offset < compound.bytes.byteCount else { return nil }
        let end = offset + 4 * (Int(compound.bytes.bigEndian(UInt16.self, at: offset + 2)) + 1)
        defer { offset = end }
        return RTCPPacket(in: compound.bytes, range: offset..<end)
    }
}

/// Where one RTCP packet lies, and the fields of its header.
package struct RTCPPacket: Equatable, Sendable {
    package let type: UInt8
    /// Report blocks, sources, or the FMT of feedback.
    package let count: UInt8
    /// Behind the header, without padding.
    package let body: Range<Int>

    fileprivate init(in bytes: RawSpan, range: Range<Int>) {
        type = bytes.octet(at: range.lowerBound + 1)
        count = bytes.octet(at: range.lowerBound) & 0x1F
        var end = range.upperBound
        if bytes.octet(at: range.lowerBound) & 0x20 != 0 {
            end -= min(Int(bytes.octet(at: end - 1)), range.count - RTCP.headerLength)
        }
        body = (range.lowerBound + RTCP.headerLength)..<end
    }

    fileprivate func checkLength(in bytes: RawSpan) throws(WireError) {
        let needed =
            switch type {
            case RTCP.PacketType.senderReport: 24 + ReportBlock.length * Int(count)
            case RTCP.PacketType.receiverReport: 4 + ReportBlock.length * Int(count)
            case RTCP.PacketType.bye: 4 * Int(count)
            case RTCP.PacketType.transportFeedback, RTCP.PacketType.payloadFeedback: 8
            default: 0
            }
        guard body.count >= needed else { throw .malformed(.reportCount) }
        // RFC 5104 §4.3.1.1: whole entries of 8 octets.
        guard !isFullIntraRequest || (body.count > 8 && body.count % 8 == 0) else {
            throw .malformed(.reportCount)
        }
    }

    package var isKnown: Bool {
        (RTCP.PacketType.senderReport...RTCP.PacketType.extendedReport).contains(type)
    }

    package var isReport: Bool {
        type == RTCP.PacketType.senderReport || type == RTCP.PacketType.receiverReport
    }
}

/// The sender information of an SR (RFC 3550 §6.4.1).
package struct SenderInfo: Equatable, Sendable {
    package let ssrc: SSRC
    package let ntp: NTPTimestamp
    package let rtpTimestamp: UInt32
    package let packetCount: UInt32
    package let octetCount: UInt32

    package init(
        ssrc: SSRC, ntp: NTPTimestamp, rtpTimestamp: UInt32, packetCount: UInt32, octetCount: UInt32
    ) {
        self.ssrc = ssrc
        self.ntp = ntp
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
    }

    /// `nil` when `packet` is no SR.
    package init?(_ packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        guard packet.type == RTCP.PacketType.senderReport else { return nil }
        let start = packet.body.lowerBound
        let bytes = compound.bytes
        ssrc = SSRC(rawValue: bytes.bigEndian(UInt32.self, at: start))
        ntp = NTPTimestamp(rawValue: bytes.bigEndian(UInt64.self, at: start + 4))
        rtpTimestamp = bytes.bigEndian(UInt32.self, at: start + 12)
        packetCount = bytes.bigEndian(UInt32.self, at: start + 16)
        octetCount = bytes.bigEndian(UInt32.self, at: start + 20)
    }
}

/// One report block of an SR or RR (RFC 3550 §6.4.1).
package struct ReportBlock: Equatable, Sendable {
    package static let length = 24

    package var ssrc: SSRC
    /// 256ths.
    package var fractionLost: UInt8
    /// Signed, 24 bit: duplicates can make it negative.
    package var cumulativeLost: Int32
    package var highestSequenceNumber: UInt32
    /// RTP ticks.
    package var jitter: UInt32
    /// Middle 32 bits of the last SR's NTP time, 0 before the first.
    package var lastSR: UInt32
    /// In units of 1/65536 s, 0 before the first SR.
    package var delaySinceLastSR: UInt32

    package init(
        ssrc: SSRC, fractionLost: UInt8, cumulativeLost: Int32, highestSequenceNumber: UInt32,
        jitter: UInt32, lastSR: UInt32, delaySinceLastSR: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.highestSequenceNumber = highestSequenceNumber
        self.jitter = jitter
        self.lastSR = lastSR
        self.delaySinceLastSR = delaySinceLastSR
    }

    /// Block `index` of `packet`; `nil` when `packet` is no report or has fewer.
    package init?(_ index: Int, of packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        guard packet.isReport, index >= 0, index < Int(packet.count) else { return nil }
        let skip = packet.type == RTCP.PacketType.senderReport ? 24 : 4
        let start = packet.body.lowerBound + skip + Self.length * index
        let bytes = compound.bytes
        ssrc = SSRC(rawValue: bytes.bigEndian(UInt32.self, at: start))
        fractionLost = bytes.octet(at: start + 4)
        let lost = bytes.bigEndian24(at: start + 5)
        cumulativeLost = Int32(bitPattern: lost << 8) >> 8
        highestSequenceNumber = bytes.bigEndian(UInt32.self, at: start + 8)
        jitter = bytes.bigEndian(UInt32.self, at: start + 12)
        lastSR = bytes.bigEndian(UInt32.self, at: start + 16)
        delaySinceLastSR = bytes.bigEndian(UInt32.self, at: start + 20)
    }
}

/// Seconds since 1900 in 32.32 fixed point (RFC 3550 §4).
package struct NTPTimestamp: Hashable, Sendable, BitwiseCopyable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Seconds between 1900 and 1970.
    private static let unixEpoch: UInt64 = 2_208_988_800

    /// - Parameter nanoseconds: Since 1970.
    package init(unixNanoseconds nanoseconds: Int64) {
        let value = UInt64(max(0, nanoseconds))
        let seconds = value / 1_000_000_000 &+ Self.unixEpoch
        let fraction = ((value % 1_000_000_000) << 32) / 1_000_000_000
        rawValue = seconds << 32 | fraction
    }

    /// The middle 32 bits, as LSR carries them.
    package var middle: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 16) }

    /// Nanoseconds since 1900, modulo the 136 years of an era; differences of two are meaningful.
    package var nanoseconds: Int64 {
        let seconds = Int64(rawValue >> 32)
        let fraction = Int64(((rawValue & 0xFFFF_FFFF) * 1_000_000_000) >> 32)
        return seconds * 1_000_000_000 + fraction
    }
}
