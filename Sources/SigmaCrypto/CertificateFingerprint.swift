internal import COpenSSL

/// A hash function of certificate fingerprints; SHA-1 and older are refused (RFC 8122 §5).
package enum FingerprintHash: UInt8, Sendable, CaseIterable {
    case sha256 = 1
    case sha384 = 2
    case sha512 = 3

    package var digestLength: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    var algorithm: OpaquePointer? {
        switch self {
        case .sha256: unsafe EVP_sha256()
        case .sha384: unsafe EVP_sha384()
        case .sha512: unsafe EVP_sha512()
        }
    }
}

/// The digest of a certificate in DER, as `a=fingerprint` carries it (RFC 8122 §5).
package struct CertificateFingerprint: Hashable, Sendable {
    package let hash: FingerprintHash
    package let digest: [UInt8]

    /// `nil` when `digest` has not the hash's length.
    package init?(hash: FingerprintHash, digest: [UInt8]) {
        guard digest.count == hash.digestLength else { return nil }
        self.hash = hash
        self.digest = digest
    }

    init?(of certificate: OpaquePointer, hash: FingerprintHash) {
        var digest = [UInt8](repeating: 0, count: hash.digestLength)
        var length: UInt32 = 0
        guard unsafe X509_digest(certificate, hash.algorithm, &digest, &length) == 1,
            Int(length) == hash.digestLength
        else { return nil }
        self.hash = hash
        self.digest = digest
    }
}
