internal import COpenSSL

/// The certificates that a peer may show, where OpenSSL's verification finds them.
///
/// Compared in the handshake, so that another certificate ends it with a fatal alert before there are keys
/// (RFC 8122 §6.2, RFC 5246 §7.2.2). Sessions are never resumed, so no handshake goes by without it.
@safe final class ExpectedPeer {
    private let fingerprints: [CertificateFingerprint]
    /// A certificate came that is none of them.
    private(set) var wasMissed = false

    /// OpenSSL's place for what an application ties to an `SSL`.
    private static let place: Int32 = 0

    init(_ fingerprints: [CertificateFingerprint]) { self.fingerprints = fingerprints }

    /// The owner of `ssl` keeps this object as long.
    func attach(to ssl: OpaquePointer) -> Bool {
        unsafe SSL_set_ex_data(ssl, Self.place, Unmanaged.passUnretained(self).toOpaque()) == 1
    }

    /// - Returns: 1 for a certificate that is expected, else 0.
    static func verify(_ store: OpaquePointer?) -> Int32 {
        guard let store = unsafe store,
            let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let object = unsafe SSL_get_ex_data(OpaquePointer(ssl), place)
        else { return 0 }
        let expected = unsafe Unmanaged<ExpectedPeer>.fromOpaque(object).takeUnretainedValue()
        if let certificate = unsafe X509_STORE_CTX_get0_cert(store), unsafe expected.matches(certificate) {
            unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
            return 1
        }
        expected.wasMissed = true
        // Becomes the alert bad_certificate.
        unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
        return 0
    }

    private func matches(_ certificate: OpaquePointer) -> Bool {
        fingerprints.contains { unsafe CertificateFingerprint(of: certificate, hash: $0.hash) == $0 }
    }
}
