internal import COpenSSL
internal import SigmaWire

/// HMAC with SHA-1 (RFC 2104), as STUN's short-term credentials use it (RFC 8489 §14.5).
package enum HMACSHA1 {
    /// - Returns: 20 octets.
    package static func code(_ input: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: STUN.integrityLength)
        var length: UInt32 = 0
        let done = unsafe HMAC(
            EVP_sha1(), key, Int32(clamping: key.count), input, input.count, &code, &length)
        precondition(
            unsafe done != nil && length == STUN.integrityLength, "HMAC-SHA1 is part of every OpenSSL")
        return code
    }
}
