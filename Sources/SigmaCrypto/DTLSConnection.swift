internal import COpenSSL

/// The part played in a DTLS handshake (RFC 5763 §5).
package enum DTLSRole: UInt8, Sendable {
    case server = 1
    case client = 2
}

package enum DTLSError: Error, Equatable, Sendable {
    case openSSL(OpenSSLError)
    /// The peer offered no SRTP profile of ours (RFC 5764 §4.1).
    case noCommonSRTPProfile
    case fingerprintMismatch
}

/// One DTLS connection: the only owner of an `SSL *`, between two queues of datagrams.
///
/// Sans I/O but for two things that OpenSSL keeps to itself: randomness and the clock of its retransmit
/// timer. After every call drain ``takeOutput()``.
///
/// - SeeAlso: RFC 6347; RFC 5764 §4 (use_srtp and the exporter)
@safe package struct DTLSConnection: ~Copyable {
    private let ssl: OpaquePointer
    private let queue: DatagramBIO
    /// Kept alive for the callback that OpenSSL makes with it.
    private let expected: ExpectedPeer
    package private(set) var isEstablished = false

    /// Octets of IP datagram that a handshake message may fill; what every path carries.
    private static let linkMTU = 1200
    /// FFmpeg swallows the first ClientHello while its ICE loop runs, so the first retransmission comes
    /// soon (µs); RFC 6347 §4.2.4.1 allows shorter timers where the application knows better.
    private static let firstTimeout: UInt32 = 100_000
    private static let longestTimeout: UInt32 = 4_000_000

    /// - Parameter fingerprints: Of the certificates announced for the peer: any one of them is right.
    package init(
        _ context: borrowing DTLSContext, role: DTLSRole, expecting fingerprints: [CertificateFingerprint]
    ) throws(DTLSError) {
        let queue = DatagramBIO()
        guard let ssl = unsafe SSL_new(context.pointer) else { throw .openSSL(.last()) }
        guard let bio = unsafe queue.makeBIO() else {
            unsafe SSL_free(ssl)
            throw .openSSL(.last())
        }
        unsafe SSL_set_bio(ssl, bio, bio)
        let expected = ExpectedPeer(fingerprints)
        guard unsafe expected.attach(to: ssl) else {
            unsafe SSL_free(ssl)
            throw .openSSL(.last())
        }
        unsafe COpenSSL_SSL_setMTU(ssl, Self.linkMTU)
        unsafe DTLS_set_timer_cb(ssl) { _, previous in
            previous == 0 ? DTLSConnection.firstTimeout : min(previous * 2, DTLSConnection.longestTimeout)
        }
        switch role {
        case .server: unsafe SSL_set_accept_state(ssl)
        case .client:
            unsafe SSL_set_connect_state(ssl)
            unsafe SSL_set_cipher_list(ssl, DTLSContext.clientCiphers)
            unsafe COpenSSL_SSL_offerOnly(ssl, DTLSContext.clientGroups, DTLSContext.clientSignatures)
        }
        unsafe self.ssl = ssl
        self.queue = queue
        self.expected = expected
    }

    deinit { unsafe SSL_free(ssl) }

    package enum Step: Equatable, Sendable {
        /// Feed the next datagram, or the timer.
        case inProgress
        case established
        /// The peer's close_notify, or its fatal alert.
        case closedByPeer
    }

    /// The peer has signed over our random, so it gets what we send to its address.
    package var hasProof: Bool {
        switch unsafe SSL_get_state(ssl) {
        case TLS_ST_OK, TLS_ST_CW_FINISHED, TLS_ST_CR_CHANGE, TLS_ST_CR_FINISHED, TLS_ST_SR_FINISHED,
            TLS_ST_SW_CHANGE, TLS_ST_SW_FINISHED:
            true
        default: false
        }
    }

    /// Sends the first flight, as the client or after ``listen(_:cookie:)``.
    package mutating func start() throws(DTLSError) -> Step {
        try advance()
    }

    /// Feeds one datagram and goes as far as it leads.
    ///
    /// - Throws: ``DTLSError/fingerprintMismatch`` when the certificate is none of the announced ones, which
    ///   the peer is told by a fatal alert (RFC 8122 §6.2); ``DTLSError/openSSL(_:)`` when the handshake failed
    ///   otherwise. A broken record alone is dropped by OpenSSL in silence (RFC 6347 §4.1.2.7).
    package mutating func receive(_ datagram: [UInt8]) throws(DTLSError) -> Step {
        queue.inbound = datagram
        return try advance()
    }

    private mutating func advance() throws(DTLSError) -> Step {
        ERR_clear_error()
        if !isEstablished {
            let result = unsafe SSL_do_handshake(ssl)
            guard result == 1 else { return try step(after: result) }
            isEstablished = true
        }
        // Application data has no use here; reading it is how alerts and lost flights are seen.
        var scratch = [UInt8](repeating: 0, count: 64)
        while true {
            let result = unsafe SSL_read(ssl, &scratch, Int32(scratch.count))
            guard result <= 0 else { continue }
            switch try step(after: result) {
            case .closedByPeer: return .closedByPeer
            case .inProgress, .established: return .established
            }
        }
    }

    // MARK: Cookies (RFC 6347 §4.2.1)

    /// - Throws: When OpenSSL has no randomness.
    package static func makeCookie() throws(DTLSError) -> [UInt8] {
        var cookie = [UInt8](repeating: 0, count: 16)
        guard unsafe RAND_bytes(&cookie, Int32(cookie.count)) == 1 else { throw .openSSL(.last()) }
        return cookie
    }

    /// Looks whether a ClientHello brings the cookie back; a server's first step where a hello is not trusted.
    ///
    /// A hello in fragments is not heard.
    ///
    /// - Parameter cookie: At most 255 octets.
    /// - Returns: `true` when it does: go on with ``start()``. Else a HelloVerifyRequest is among the output, or
    ///   nothing.
    package mutating func listen(_ datagram: [UInt8], cookie: [UInt8]) -> Bool {
        guard let address = unsafe BIO_ADDR_new() else { return false }
        defer { unsafe BIO_ADDR_free(address) }
        queue.cookie = cookie
        queue.inbound = datagram
        ERR_clear_error()
        let isVerified = unsafe DTLSv1_listen(ssl, address) == 1
        ERR_clear_error()
        return isVerified
    }

    private func step(after result: Int32) throws(DTLSError) -> Step {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            return .inProgress
        case SSL_ERROR_ZERO_RETURN:
            return .closedByPeer
        default:
            let error = OpenSSLError.last()
            if isEstablished { return .closedByPeer }
            if expected.wasMissed { throw .fingerprintMismatch }
            throw .openSSL(error)
        }
    }

    /// Datagrams to send, in order.
    package func takeOutput() -> [[UInt8]] {
        guard !queue.outbound.isEmpty else { return [] }
        defer { queue.outbound = [] }
        return queue.outbound
    }

    // MARK: Retransmission (RFC 6347 §4.2.4)

    /// Nanoseconds until ``retransmit()`` is due; `nil` when no timer runs.
    package var timeLeft: Int64? {
        var left = timeval()
        guard unsafe COpenSSL_DTLSv1_get_timeout(ssl, &left) == 1 else { return nil }
        return Int64(left.tv_sec) * 1_000_000_000 + Int64(left.tv_usec) * 1_000
    }

    /// Sends the last flight again when its timer has run out, else nothing.
    ///
    /// - Throws: ``DTLSError/openSSL(_:)`` after too many tries.
    package mutating func retransmit() throws(DTLSError) {
        ERR_clear_error()
        guard unsafe COpenSSL_DTLSv1_handle_timeout(ssl) >= 0 else { throw .openSSL(.last()) }
    }

    // MARK: What the handshake agreed on

    /// The SRTP keys of both directions (RFC 5764 §4.2).
    ///
    /// - Throws: ``DTLSError/noCommonSRTPProfile`` when the peer agreed on none.
    package func exportKeys(role: DTLSRole) throws(DTLSError) -> SRTPKeys {
        guard let selected = unsafe SSL_get_selected_srtp_profile(ssl),
            let profile = unsafe SRTPProfile(rawValue: UInt16(truncatingIfNeeded: selected.pointee.id))
        else { throw .noCommonSRTPProfile }
        let label = "EXTRACTOR-dtls_srtp"
        var material = [UInt8](repeating: 0, count: 2 * (profile.keyLength + profile.saltLength))
        let done = unsafe SSL_export_keying_material(
            ssl, &material, material.count, label, label.utf8.count, nil, 0, 0)
        guard done == 1 else { throw .openSSL(.last()) }
        return SRTPKeys(profile: profile, material: material, role: role)
    }

    /// Says goodbye: the close_notify is among the output (RFC 5246 §7.2.1); nothing before the handshake
    /// is done.
    package mutating func close() {
        ERR_clear_error()
        unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }
}
