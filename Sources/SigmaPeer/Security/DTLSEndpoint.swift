internal import COpenSSL

/// The SRTP protection profiles a peer can offer (RFC 5764 §4.1.2, RFC 7714 §14.2).
package enum ProtectionProfile: UInt16, Equatable, Sendable {
    case aes128CMSHA1_80 = 0x0001
    /// A tag of 4 octets: what the server does not take.
    case aes128CMSHA1_32 = 0x0002
    case aeadAES128GCM = 0x0007

    var name: String {
        switch self {
        case .aes128CMSHA1_80: "SRTP_AES128_CM_SHA1_80"
        case .aes128CMSHA1_32: "SRTP_AES128_CM_SHA1_32"
        case .aeadAES128GCM: "SRTP_AEAD_AES_128_GCM"
        }
    }

    var keyLength: Int { 16 }

    var saltLength: Int {
        switch self {
        case .aes128CMSHA1_80, .aes128CMSHA1_32: 14
        case .aeadAES128GCM: 12
        }
    }
}

/// One side of a DTLS 1.2 connection, client or server, whole datagrams in and out.
///
/// OpenSSL keeps the clock of the retransmit timer and the randomness to itself; the rest is sans-I/O.
///
/// - SeeAlso: RFC 6347; RFC 5764 §4
@safe final class DTLSEndpoint {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let queue = DatagramQueue()
    private let isClient: Bool
    private(set) var isEstablished = false

    enum Progress: Equatable {
        case handshaking
        case established
        case closedByServer
    }

    /// - Parameters:
    ///   - certificate: `nil` for a client that shows none.
    ///   - profiles: In order of preference; empty for one that does not speak of SRTP.
    init(
        isClient: Bool, certificate: PeerCertificate?, profiles: [ProtectionProfile]
    ) throws(PeerError) {
        guard let context = unsafe SSL_CTX_new(isClient ? DTLS_client_method() : DTLS_server_method())
        else { throw .openSSL(ERR_get_error()) }
        let names = profiles.map(\.name).joined(separator: ":")
        // SSL_CTX_set_tlsext_use_srtp alone returns 0 for success.
        guard unsafe COpenSSL_SSL_CTX_setDTLS12Only(context) == 1,
            unsafe Self.use(certificate, in: context),
            unsafe profiles.isEmpty || SSL_CTX_set_tlsext_use_srtp(context, names) == 0,
            let ssl = unsafe SSL_new(context), let bio = unsafe queue.makeBIO()
        else {
            unsafe SSL_CTX_free(context)
            throw .openSSL(ERR_get_error())
        }
        // The fingerprint decides, not a chain (RFC 5763 §5).
        unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT) { _, _ in 1 }
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe COpenSSL_SSL_setMTU(ssl, 1200)
        unsafe DTLS_set_timer_cb(ssl) { _, previous in previous == 0 ? 100_000 : min(previous * 2, 2_000_000)
        }
        if isClient { unsafe SSL_set_connect_state(ssl) } else { unsafe SSL_set_accept_state(ssl) }
        unsafe self.context = context
        unsafe self.ssl = ssl
        self.isClient = isClient
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe SSL_CTX_free(context)
    }

    private static func use(_ certificate: PeerCertificate?, in context: OpaquePointer) -> Bool {
        guard let certificate else { return true }
        return unsafe SSL_CTX_use_certificate(context, certificate.certificate) == 1
            && SSL_CTX_use_PrivateKey(context, certificate.key) == 1
    }

    /// Takes one datagram, or none to begin, and goes on as far as it leads.
    ///
    /// - Throws: ``PeerError/openSSL(_:)`` when the handshake failed.
    func handle(_ datagram: [UInt8]?) throws(PeerError) -> Progress {
        if let datagram { queue.receive(datagram) }
        ERR_clear_error()
        if !isEstablished {
            let result = unsafe SSL_do_handshake(ssl)
            guard result == 1 else { return try progress(after: result) }
            isEstablished = true
        }
        var ignored: UInt8 = 0
        var result: Int32 = 1
        while result > 0 { result = unsafe SSL_read(ssl, &ignored, 1) }
        return try progress(after: result)
    }

    private func progress(after result: Int32) throws(PeerError) -> Progress {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return isEstablished ? .established : .handshaking
        case SSL_ERROR_ZERO_RETURN: return .closedByServer
        default:
            if isEstablished { return .closedByServer }
            throw .openSSL(ERR_get_error())
        }
    }

    func takeOutput() -> [[UInt8]] { queue.takeSent() }

    /// Nanoseconds until ``retransmit()`` has something to do; `nil` when no flight is outstanding.
    var timeUntilRetransmission: Int64? {
        var left = timeval()
        guard unsafe COpenSSL_DTLSv1_get_timeout(ssl, &left) == 1 else { return nil }
        return Int64(left.tv_sec) * 1_000_000_000 + Int64(left.tv_usec) * 1_000
    }

    func retransmit() throws(PeerError) {
        ERR_clear_error()
        guard unsafe COpenSSL_DTLSv1_handle_timeout(ssl) >= 0 else { throw .openSSL(ERR_get_error()) }
    }

    /// SHA-256 of the server's certificate; empty before it is known.
    var remoteFingerprint: [UInt8] {
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return [] }
        defer { unsafe X509_free(certificate) }
        return unsafe PeerCertificate.digest(of: certificate)
    }

    /// Master keys and salts of both directions (RFC 5764 §4.2).
    func exportKeys() throws(PeerError) -> KeyingMaterial {
        guard let selected = unsafe SSL_get_selected_srtp_profile(ssl),
            let profile = unsafe ProtectionProfile(rawValue: UInt16(truncatingIfNeeded: selected.pointee.id))
        else { throw .noCommonSRTPProfile }
        let (keyLength, saltLength) = (profile.keyLength, profile.saltLength)
        var octets = [UInt8](repeating: 0, count: 2 * (keyLength + saltLength))
        let label = "EXTRACTOR-dtls_srtp"
        guard
            unsafe SSL_export_keying_material(
                ssl, &octets, octets.count, label, label.utf8.count, nil, 0, 0) == 1
        else { throw .openSSL(ERR_get_error()) }
        // client key, server key, client salt, server salt
        let salts = octets[(2 * keyLength)...]
        let client = Array(octets[..<keyLength]) + Array(salts.prefix(saltLength))
        let server = Array(octets[keyLength..<(2 * keyLength)]) + Array(salts.suffix(saltLength))
        return KeyingMaterial(
            profile: profile, outbound: isClient ? client : server, inbound: isClient ? server : client)
    }

    /// Puts a close_notify among the output.
    func close() {
        unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }
}

/// SRTP master key and salt, joined, per direction.
struct KeyingMaterial {
    let profile: ProtectionProfile
    let outbound: [UInt8]
    let inbound: [UInt8]
}
