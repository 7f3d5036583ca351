/// Why a peer cannot connect.
package enum PeerError: Error, Equatable, Sendable {
    /// A call into OpenSSL failed: the first code of its queue, 0 when it left none.
    case openSSL(UInt)
    /// libsrtp's status.
    case srtp(UInt32)
    /// The server's certificate is not the one its answer announced (RFC 8827 §6.5).
    case fingerprintMismatch
    case noCommonSRTPProfile
    /// What the answer lacks.
    case answer(String)
    /// No check was answered (RFC 8445 §6.1.4.3).
    case noPath
}
