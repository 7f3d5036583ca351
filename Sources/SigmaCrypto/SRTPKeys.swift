/// An SRTP protection profile, by its number in the use_srtp extension (RFC 5764 §4.1.2, RFC 7714 §14.2).
package enum SRTPProfile: UInt16, Sendable, BitwiseCopyable {
    case aes128CMSHA1_80 = 0x0001
    case aeadAES128GCM = 0x0007

    /// Octets of a master key.
    package var keyLength: Int { 16 }

    /// Octets of a master salt.
    package var saltLength: Int {
        switch self {
        case .aes128CMSHA1_80: 14
        case .aeadAES128GCM: 12
        }
    }

    /// Octets that protection adds to an RTP packet.
    package var rtpOverhead: Int {
        switch self {
        case .aes128CMSHA1_80: 10
        case .aeadAES128GCM: 16
        }
    }

    /// Octets that protection adds to an RTCP packet, the index included.
    package var rtcpOverhead: Int { rtpOverhead + 4 }
}

/// The master keys and salts of both directions, never printed.
package struct SRTPKeys: Sendable, CustomStringConvertible {
    package let profile: SRTPProfile
    /// Key and salt, one after the other, of what we send.
    let local: [UInt8]
    /// The same of what the peer sends.
    let remote: [UInt8]

    /// - Parameters:
    ///   - material: client key, server key, client salt, server salt (RFC 5764 §4.2).
    ///   - role: Ours in the handshake.
    package init(profile: SRTPProfile, material: [UInt8], role: DTLSRole) {
        let key = profile.keyLength
        let salt = profile.saltLength
        precondition(material.count == 2 * (key + salt), "two keys and two salts")
        let client = Array(material[0..<key] + material[(2 * key)..<(2 * key + salt)])
        let server = Array(material[key..<(2 * key)] + material[(2 * key + salt)...])
        self.profile = profile
        switch role {
        case .server: (local, remote) = (server, client)
        case .client: (local, remote) = (client, server)
        }
    }

    package var description: String { "SRTPKeys(\(profile), redacted)" }
}
