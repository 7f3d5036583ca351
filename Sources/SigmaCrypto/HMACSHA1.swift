internal import COpenSSL
package import SigmaWire

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

    /// Whether MESSAGE-INTEGRITY of `message` was made with `password`, in constant time.
    ///
    /// The length field is set to what it was when the sender computed the HMAC: up to the attribute's
    /// end, whatever followed (RFC 8489 §14.5).
    ///
    /// - Returns: `false` also when the attribute is missing.
    package static func verifies(_ message: borrowing STUNMessageView, password: [UInt8]) -> Bool {
        guard let offset = message.integrityOffset, let length = message.integrityLengthField else {
            return false
        }
        var input = message.bytes.array(0..<offset)
        input.replace(bigEndian: length, at: 2)
        let expected = code(input, key: password)
        let received = message.bytes.array((offset + 4)..<(offset + 4 + STUN.integrityLength))
        return unsafe CRYPTO_memcmp(expected, received, STUN.integrityLength) == 0
    }
}

extension STUNMessageBuilder {
    /// Adds MESSAGE-INTEGRITY and FINGERPRINT: the end of every message that ICE sends (RFC 8445 §7.1).
    package mutating func seal(password: [UInt8]) {
        let input = integrityInput()
        appendIntegrity(HMACSHA1.code(input, key: password))
        appendFingerprint()
    }
}
