internal import COpenSSL
package import SigmaWire

/// The key of MESSAGE-INTEGRITY, with short-term credentials the password (RFC 8489 §9.1.1), ready for use: HMAC-SHA1
/// with the two padded keys hashed once.
package struct IntegrityKey: Sendable {
    private var state = COpenSSL_HMACSHA1()

    package init(_ password: [UInt8]) {
        // A key longer than a block of the hash is hashed (RFC 2104 §2).
        var key = password
        if key.count > Int(SHA_CBLOCK) {
            key = [UInt8](repeating: 0, count: STUN.integrityLength)
            unsafe SHA1(password, password.count, &key)
        }
        unsafe COpenSSL_HMACSHA1_init(&state, key, key.count)
    }

    /// Whether MESSAGE-INTEGRITY of `message` was made with this key, in constant time.
    ///
    /// The length field is set to what it was when the sender computed the HMAC: up to the attribute's
    /// end, whatever followed (RFC 8489 §14.5).
    ///
    /// - Returns: `false` also when the attribute is missing.
    /// - Complexity: O(octets), no allocation: what a flood of checks costs.
    package func verifies(_ message: borrowing STUNMessageView) -> Bool {
        guard let offset = message.integrityOffset, let length = message.integrityLengthField else {
            return false
        }
        let code = code(message.bytes.extracting(0..<offset), length: length)
        let received = message.bytes.extracting((offset + 4)..<(offset + 4 + STUN.integrityLength))
        return unsafe withUnsafeBytes(of: code) { code in
            unsafe received.withUnsafeBytes { received in
                unsafe CRYPTO_memcmp(code.baseAddress, received.baseAddress, STUN.integrityLength)
            }
        } == 0
    }

    /// The HMAC over `octets`, at least a header, with `length` in place of its length field.
    fileprivate func code(_ octets: RawSpan, length: UInt16) -> InlineArray<20, UInt8> {
        var head = (octets.bigEndian(UInt16.self, at: 0).bigEndian, length.bigEndian)
        var code = InlineArray<20, UInt8>(repeating: 0)
        let rest = octets.extracting(4..<octets.byteCount)
        unsafe withUnsafePointer(to: state) { state in
            unsafe rest.withUnsafeBytes { rest in
                unsafe withUnsafeMutableBytes(of: &code) { target in
                    unsafe COpenSSL_HMACSHA1_code(
                        state, &head, MemoryLayout.size(ofValue: head), rest.baseAddress, rest.count,
                        target.baseAddress?.assumingMemoryBound(to: UInt8.self))
                }
            }
        }
        return code
    }
}

extension STUNMessageBuilder {
    /// Adds MESSAGE-INTEGRITY and FINGERPRINT: the end of every message that ICE sends (RFC 8445 §7.1).
    package mutating func seal(key: borrowing IntegrityKey) {
        appendIntegrity(unsafe key.code(bytes.span.bytes, length: lengthWithIntegrity))
        appendFingerprint()
    }

    package mutating func seal(password: [UInt8]) { seal(key: IntegrityKey(password)) }
}
