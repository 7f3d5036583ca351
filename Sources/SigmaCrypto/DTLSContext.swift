internal import COpenSSL

/// What every DTLS connection of the process shares: identity, ciphers, groups, SRTP profiles.
///
/// DTLS 1.2 (RFC 6347) with ECDHE and AEAD ciphers; the peer's certificate is required and taken as it is,
/// since the fingerprint of its SDP, not a chain, says whether it is right (RFC 5763 §5, RFC 8827 §6.5).
@safe package struct DTLSContext: ~Copyable {
    let pointer: OpaquePointer

    deinit { unsafe SSL_CTX_free(pointer) }

    /// What handshakes take their algorithms from; made once, for every context of the process.
    nonisolated(unsafe) private static let library = unsafe COpenSSL_makeHandshakeContext()

    /// AEAD first: it costs a third (RFC 7714); AES-CM for FFmpeg and GStreamer, which offer nothing else.
    private static let srtpProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
    private static let ciphers =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
        + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
        + "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
    /// P-224 for FFmpeg with GnuTLS, whose certificate is on that curve.
    private static let groups = "X25519:P-256:P-384:P-224"
    /// What our own hello offers: short, so that it and one repetition stay below three times the single
    /// check that FFmpeg sends before it listens.
    static let clientCiphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    static let clientGroups = "P-256:P-224"
    static let clientSignatures = "ECDSA+SHA256:RSA+SHA256"

    package init(_ identity: borrowing Identity) throws(OpenSSLError) {
        guard let pointer = unsafe SSL_CTX_new_ex(Self.library, nil, DTLS_method()) else { throw .last() }
        guard unsafe Self.configure(pointer, identity) else {
            unsafe SSL_CTX_free(pointer)
            throw .last()
        }
        unsafe self.pointer = pointer
    }

    private static func configure(_ pointer: OpaquePointer, _ identity: borrowing Identity) -> Bool {
        unsafe COpenSSL_SSL_CTX_setOptions(pointer)
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        // In place of the chain: the fingerprint alone decides.
        unsafe SSL_CTX_set_cert_verify_callback(
            pointer, { store, _ in unsafe ExpectedPeer.verify(store) }, nil)
        unsafe setCookieCallbacks(pointer)
        // 0 means success for use_srtp alone.
        return unsafe COpenSSL_SSL_CTX_setDTLS12Only(pointer) == 1
            && SSL_CTX_use_certificate(pointer, identity.certificate) == 1
            && SSL_CTX_use_PrivateKey(pointer, identity.key) == 1
            && SSL_CTX_set_cipher_list(pointer, ciphers) == 1
            && COpenSSL_SSL_CTX_set1_groups_list(pointer, groups) == 1
            && SSL_CTX_set_tlsext_use_srtp(pointer, srtpProfiles) == 0
    }

    /// The cookie lies beside the datagrams of a connection; only one that listens is asked for it.
    private static func setCookieCallbacks(_ pointer: OpaquePointer) {
        unsafe SSL_CTX_set_cookie_generate_cb(pointer) { ssl, octets, count in
            guard let queue = unsafe DatagramBIO.from(SSL_get_rbio(ssl)), !queue.cookie.isEmpty,
                let octets = unsafe octets, let count = unsafe count
            else { return 0 }
            for (place, octet) in queue.cookie.enumerated() { unsafe octets[place] = octet }
            unsafe count.pointee = UInt32(queue.cookie.count)
            return 1
        }
        unsafe SSL_CTX_set_cookie_verify_cb(pointer) { ssl, octets, count in
            guard let queue = unsafe DatagramBIO.from(SSL_get_rbio(ssl)), !queue.cookie.isEmpty,
                let octets = unsafe octets, Int(count) == queue.cookie.count
            else { return 0 }
            return unsafe CRYPTO_memcmp(octets, queue.cookie, queue.cookie.count) == 0 ? 1 : 0
        }
    }
}
