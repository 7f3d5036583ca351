/// What a datagram on the shared port is, by its first octets.
///
/// - SeeAlso: RFC 7983 §7 (first octet), RFC 5761 §4 (RTCP against RTP); RFC 9443 §4 leaves our ranges
///   as they are.
package enum DatagramKind: Equatable, Sendable {
    case stun, dtls, rtp, rtcp
    /// ZRTP, TURN channels, QUIC and what has no owner: dropped and counted.
    case unknown

    package init(_ bytes: RawSpan) {
        guard bytes.byteCount >= 2 else {
            self = .unknown
            return
        }
        switch bytes.octet(at: 0) {
        case 0...3: self = .stun
        case 20...63: self = .dtls
        case 128...191:
            self = (192...223).contains(bytes.octet(at: 1)) ? .rtcp : .rtp
        default: self = .unknown
        }
    }
}
