import COpenSSL

/// SHA-256 (FIPS 180-4) by libcrypto.
package enum SHA256 {
    package static let length = 32

    /// - Returns: 32 octets.
    package static func hash(_ octets: some Collection<UInt8>) -> [UInt8] {
        let input = Array(octets)
        var digest = [UInt8](repeating: 0, count: length)
        let done = EVP_Digest(input, input.count, &digest, nil, EVP_sha256(), nil)
        // It fails where libcrypto has no SHA-256 or no memory.
        precondition(done == 1, "libcrypto hashes")
        return digest
    }
}
