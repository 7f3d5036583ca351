/// A REMB message: the most that a receiver wants to be sent under some SSRCs together.
///
/// ```
/// |V=2|P|  FMT=15 |    PT=206     |            length             |
/// |                     SSRC of packet sender                     |
/// |                       SSRC of media source = 0                |
/// |       'R'     |      'E'      |      'M'      |      'B'      |
/// |   Num SSRC    |  BR Exp   |           BR Mantissa             |
/// |                          SSRC × Num                           |
/// ```
///
/// - SeeAlso: draft-alvestrand-rmcat-remb-03 §2.2
package struct ReceiverEstimatedBitrate: Equatable, Sendable {
    /// "REMB".
    fileprivate static let identifier: UInt32 = 0x5245_4D42
    fileprivate static let mantissaBits: UInt64 = 18

    /// bit/s.
    package let bitrate: UInt64
    package let ssrcCount: Int
    private let firstSSRC: Int

    /// `nil` when `packet` is none, is shorter than its SSRCs, or names a bitrate beyond 64 bits.
    package init?(_ packet: RTCPPacket, in compound: borrowing RTCPCompoundView) {
        guard packet.type == RTCP.PacketType.payloadFeedback, packet.count == RTCP.Format.applicationLayer,
            packet.body.count >= 16
        else { return nil }
        let bytes = compound.bytes
        let start = packet.body.lowerBound
        guard bytes.bigEndian(UInt32.self, at: start + 8) == Self.identifier else { return nil }
        let count = Int(bytes.octet(at: start + 12))
        guard packet.body.count >= 16 + 4 * count else { return nil }
        let exponent = UInt64(bytes.octet(at: start + 13) >> 2)
        let mantissa = UInt64(bytes.bigEndian24(at: start + 13) & 0x3FFFF)
        guard (mantissa << exponent) >> exponent == mantissa else { return nil }
        bitrate = mantissa << exponent
        ssrcCount = count
        firstSSRC = start + 16
    }

    /// `nil` past the last.
    package func ssrc(_ index: Int, in compound: borrowing RTCPCompoundView) -> SSRC? {
        guard (0..<ssrcCount).contains(index) else { return nil }
        return SSRC(rawValue: compound.bytes.bigEndian(UInt32.self, at: firstSSRC + 4 * index))
    }
}

extension RTCPWriter {
    /// draft-alvestrand-rmcat-remb-03 §2.2.
    ///
    /// - Parameters:
    ///   - bitrate: bit/s; rounded down to 18 significant bits.
    ///   - ssrcs: At most 16; the rest is left out.
    @_lifetime(bytes: copy bytes)
    package mutating func appendReceiverEstimatedBitrate(
        _ bitrate: UInt64, from sender: SSRC, for ssrcs: [SSRC], in bytes: inout MutableRawSpan
    ) {
        let ssrcs = ssrcs.prefix(16)
        let bits = UInt64(UInt64.bitWidth - bitrate.leadingZeroBitCount)
        let exponent = bits - min(bits, ReceiverEstimatedBitrate.mantissaBits)
        begin(
            RTCP.PacketType.payloadFeedback, count: RTCP.Format.applicationLayer, words: 4 + ssrcs.count,
            in: &bytes)
        append(sender.rawValue, in: &bytes)
        append(0, in: &bytes)
        append(ReceiverEstimatedBitrate.identifier, in: &bytes)
        append(
            UInt32(ssrcs.count) << 24 | UInt32(exponent) << 18
                | UInt32(truncatingIfNeeded: bitrate >> exponent),
            in: &bytes)
        for ssrc in ssrcs { append(ssrc.rawValue, in: &bytes) }
    }
}
