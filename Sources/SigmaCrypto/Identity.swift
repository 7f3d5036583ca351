internal import COpenSSL

/// Why a key or certificate cannot be used; the caller adds the path.
package enum IdentityError: Error, Equatable, Sendable {
    case notACertificate
    case notAPrivateKey
    /// The key is not the one in the certificate.
    case keyMismatch
    case openSSL(OpenSSLError)
}

/// The server's DTLS certificate and its private key.
///
/// Immutable once made, so it may be shared; both are reference-counted by OpenSSL.
@safe package struct Identity: ~Copyable {
    let certificate: OpaquePointer
    let key: OpaquePointer

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    /// - Parameters:
    ///   - certificatePEM: The first certificate of a PEM file.
    ///   - keyPEM: An unencrypted private key in PEM.
    package init(certificatePEM: [UInt8], keyPEM: [UInt8]) throws(IdentityError) {
        guard
            let certificate = unsafe Self.read(
                certificatePEM, { unsafe PEM_read_bio_X509($0, nil, nil, nil) })
        else {
            ERR_clear_error()
            throw .notACertificate
        }
        guard let key = unsafe Self.read(keyPEM, { unsafe PEM_read_bio_PrivateKey($0, nil, nil, nil) }) else {
            unsafe X509_free(certificate)
            ERR_clear_error()
            throw .notAPrivateKey
        }
        guard unsafe X509_check_private_key(certificate, key) == 1 else {
            unsafe X509_free(certificate)
            unsafe EVP_PKEY_free(key)
            ERR_clear_error()
            throw .keyMismatch
        }
        unsafe self.certificate = certificate
        unsafe self.key = key
    }

    /// A new P-256 key and a certificate for it, valid for `days`; for tests, where no file is wanted.
    package init(selfSignedForDays days: Int) throws(IdentityError) {
        guard let key = unsafe COpenSSL_EVP_EC_gen("P-256") else { throw .openSSL(.last()) }
        guard let certificate = unsafe Self.selfSign(key, days: days) else {
            unsafe EVP_PKEY_free(key)
            throw .openSSL(.last())
        }
        unsafe self.key = key
        unsafe self.certificate = certificate
    }

    private static func selfSign(_ key: OpaquePointer, days: Int) -> OpaquePointer? {
        guard let certificate = unsafe X509_new() else { return nil }
        let name = unsafe X509_get_subject_name(certificate)
        let day = 86400
        guard unsafe X509_set_version(certificate, 2) == 1,
            unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1,
            unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -day) != nil,
            unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), days * day) != nil,
            unsafe X509_set_pubkey(certificate, key) == 1,
            unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "sigma", -1, -1, 0) == 1,
            unsafe X509_set_issuer_name(certificate, name) == 1,
            unsafe X509_sign(certificate, key, EVP_sha256()) > 0
        else {
            unsafe X509_free(certificate)
            return nil
        }
        return unsafe certificate
    }

    private static func read(_ pem: [UInt8], _ parse: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
        guard let bio = unsafe BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { return nil }
        defer { unsafe BIO_free(bio) }
        return unsafe parse(bio)
    }

    package var fingerprint: CertificateFingerprint {
        guard let fingerprint = unsafe CertificateFingerprint(of: certificate, hash: .sha256) else {
            preconditionFailure("SHA-256 is part of every OpenSSL")
        }
        return fingerprint
    }
}
