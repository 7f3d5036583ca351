internal import COpenSSL

/// A self-signed certificate over a fresh P-256 key, as browsers make one per connection (RFC 8827 §6.5).
@safe final class PeerCertificate {
    let certificate: OpaquePointer
    let key: OpaquePointer
    /// SHA-256 over the DER form.
    let fingerprint: [UInt8]

    init() throws(PeerError) {
        guard let key = unsafe COpenSSL_EVP_EC_gen("P-256") else { throw .openSSL(ERR_get_error()) }
        guard let certificate = unsafe X509_new() else {
            unsafe EVP_PKEY_free(key)
            throw .openSSL(ERR_get_error())
        }
        unsafe self.key = key
        unsafe self.certificate = certificate
        unsafe fingerprint = Self.sign(certificate, key) ? Self.digest(of: certificate) : []
        guard fingerprint.count == 32 else { throw .openSSL(ERR_get_error()) }
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    private static func sign(_ certificate: OpaquePointer, _ key: OpaquePointer) -> Bool {
        unsafe X509_set_version(certificate, 2)
        unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        // Nobody checks the dates: the fingerprint alone says whether the certificate is right.
        unsafe ASN1_TIME_set_string(X509_getm_notBefore(certificate), "20200101000000Z")
        unsafe ASN1_TIME_set_string(X509_getm_notAfter(certificate), "20491231235959Z")
        let name = unsafe X509_get_subject_name(certificate)
        let common = Array("sigma peer".utf8)
        // V_ASN1_UTF8STRING
        unsafe X509_NAME_add_entry_by_NID(name, NID_commonName, 12, common, Int32(common.count), -1, 0)
        return unsafe X509_set_issuer_name(certificate, name) == 1
            && X509_set_pubkey(certificate, key) == 1
            && X509_sign(certificate, key, EVP_sha256()) > 0
    }

    /// SHA-256 over the DER form of any certificate; empty when OpenSSL fails.
    static func digest(of certificate: OpaquePointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        guard unsafe X509_digest(certificate, EVP_sha256(), &digest, &length) == 1 else { return [] }
        return digest
    }
}
