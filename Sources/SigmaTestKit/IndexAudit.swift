internal import SigmaWire

/// Watches what the server sends for the worst mistake of SRTP: one SSRC and index, hence one nonce, over two
/// different packets (RFC 3711 §9.1, RFC 7714 §8.1).
///
/// Reads the headers as they lie on the wire. SSRCs are unique per session in a simulation, and no stream
/// comes to 2¹⁶ packets, so SSRC and sequence number name an index. For SRTCP the index stands at the end with
/// AEAD (RFC 7714 §9.2), before the tag of 10 octets with AES-CM (RFC 3711 §3.4).
package struct IndexAudit: Sendable {
    private struct Place: Hashable {
        let isRTCP: Bool
        let ssrc: UInt32
        let index: UInt32
    }

    private var seen: [Place: UInt64] = [:]
    package private(set) var reused = 0

    package init() {}

    /// - Returns: Whether its SSRC and index are new; `false` for what is no SRTP.
    @discardableResult
    package mutating func note(_ bytes: [UInt8], isAEAD: Bool) -> Bool {
        let octets = unsafe bytes.span.bytes
        guard octets.byteCount >= 24 else { return false }
        let place: Place
        switch DatagramKind(octets) {
        case .rtp:
            place = Place(
                isRTCP: false, ssrc: octets.bigEndian(UInt32.self, at: 8),
                index: UInt32(octets.bigEndian(UInt16.self, at: 2)))
        case .rtcp:
            let end = octets.byteCount - (isAEAD ? 0 : 10)
            place = Place(
                isRTCP: true, ssrc: octets.bigEndian(UInt32.self, at: 4),
                index: octets.bigEndian(UInt32.self, at: end - 4))
        case .stun, .dtls, .unknown: return false
        }
        var digest = Digest()
        digest.fold(bytes)
        // The same octets again are a resend, which is harmless.
        guard let before = seen.updateValue(digest.value, forKey: place) else { return true }
        if before != digest.value { reused += 1 }
        return false
    }
}
