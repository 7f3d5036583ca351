/// Writes one STUN message, attribute by attribute, in the order of the calls.
///
/// Integrity and fingerprint come last: ``integrityInput()``, then ``appendIntegrity(_:)`` with the HMAC
/// over it, then ``appendFingerprint()``.
///
/// - SeeAlso: RFC 8489 §5, §14
package struct STUNMessageBuilder: Sendable {
    package private(set) var bytes: [UInt8]
    private let transaction: TransactionID

    package init(
        _ messageClass: STUN.Class, method: UInt16 = STUN.bindingMethod, transaction: TransactionID
    ) {
        self.transaction = transaction
        bytes = []
        bytes.reserveCapacity(128)
        let c = UInt16(messageClass.rawValue)
        let methodBits = method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
        bytes.append(bigEndian: methodBits | (c & 1) << 4 | (c & 2) << 7)
        bytes.append(bigEndian: UInt16(0))
        bytes.append(bigEndian: STUN.magicCookie)
        bytes.append(bigEndian: transaction.high)
        bytes.append(bigEndian: transaction.low)
    }

    /// - Parameter value: At most 763 octets, the longest any attribute may have.
    package mutating func append(_ type: UInt16, _ value: [UInt8]) {
        precondition(value.count <= 763, "no STUN attribute is that long")
        bytes.append(bigEndian: type)
        bytes.append(bigEndian: UInt16(value.count))
        bytes += value
        while bytes.count % 4 != 0 { bytes.append(0) }
        setLength(bytes.count - STUN.headerLength)
    }

    /// RFC 8489 §14.2: v4-mapped addresses go out as IPv4.
    package mutating func appendXORMappedAddress(_ address: Address) {
        var value: [UInt8] = [0, address.v4 == nil ? 2 : 1]
        value.append(bigEndian: address.port ^ UInt16(STUN.magicCookie >> 16))
        if let v4 = address.v4 {
            value.append(bigEndian: v4 ^ STUN.magicCookie)
        } else {
            value.append(
                bigEndian: address.high ^ (UInt64(STUN.magicCookie) << 32 | UInt64(transaction.high)))
            value.append(bigEndian: address.low ^ transaction.low)
        }
        append(STUN.Attribute.xorMappedAddress, value)
    }

    /// RFC 8489 §14.8.
    package mutating func appendErrorCode(_ code: Int, reason: String) {
        append(
            STUN.Attribute.errorCode, [0, 0, UInt8(code / 100 & 7), UInt8(code % 100)] + Array(reason.utf8))
    }

    /// What the HMAC-SHA1 of MESSAGE-INTEGRITY is computed over: the message so far, its length field
    /// counting the attribute that is to follow (RFC 8489 §14.5).
    package mutating func integrityInput() -> [UInt8] {
        setLength(bytes.count - STUN.headerLength + STUN.integrityAttributeLength)
        return bytes
    }

    /// - Parameter hmac: 20 octets.
    package mutating func appendIntegrity(_ hmac: [UInt8]) {
        precondition(hmac.count == STUN.integrityLength, "HMAC-SHA1 has 20 octets")
        append(STUN.Attribute.messageIntegrity, hmac)
    }

    package mutating func appendFingerprint() {
        setLength(bytes.count - STUN.headerLength + STUN.fingerprintAttributeLength)
        var value: [UInt8] = []
        value.append(bigEndian: CRC32.checksum(unsafe bytes.span.bytes) ^ STUN.fingerprintMask)
        append(STUN.Attribute.fingerprint, value)
    }

    private mutating func setLength(_ length: Int) {
        bytes.replace(bigEndian: UInt16(truncatingIfNeeded: length), at: 2)
    }
}

/// The CRC of ITU V.42, reflected, as FINGERPRINT uses it (RFC 8489 §14.7).
package enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
    }

    /// - Parameter previous: The checksum of octets that stand before these.
    package static func checksum(_ bytes: RawSpan, after previous: UInt32 = 0) -> UInt32 {
        let table = self.table
        var sum = ~previous
        for offset in 0..<bytes.byteCount {
            sum = table[Int((sum ^ UInt32(bytes.octet(at: offset))) & 0xFF)] ^ sum >> 8
        }
        return ~sum
    }
}
