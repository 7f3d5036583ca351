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
        begin(type, count: value.count)
        bytes += value
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    /// Writes the head of an attribute of `count` octets, which are to follow.
    private mutating func begin(_ type: UInt16, count: Int) {
        bytes.append(bigEndian: UInt32(type) << 16 | UInt32(truncatingIfNeeded: count))
        setLength(bytes.count - STUN.headerLength + (count + 3) & ~3)
    }

    /// RFC 8489 §14.2: v4-mapped addresses go out as IPv4.
    package mutating func appendXORMappedAddress(_ address: Address) {
        let family: UInt32 = address.v4 == nil ? 2 : 1
        let head = family << 16 | UInt32(address.port) ^ STUN.magicCookie >> 16
        if let v4 = address.v4 {
            begin(STUN.Attribute.xorMappedAddress, count: 8)
            bytes.append(bigEndian: head)
            bytes.append(bigEndian: v4 ^ STUN.magicCookie)
        } else {
            begin(STUN.Attribute.xorMappedAddress, count: 20)
            bytes.append(bigEndian: head)
            bytes.append(
                bigEndian: address.high ^ (UInt64(STUN.magicCookie) << 32 | UInt64(transaction.high)))
            bytes.append(bigEndian: address.low ^ transaction.low)
        }
    }

    /// RFC 8489 §14.8.
    package mutating func appendErrorCode(_ code: Int, reason: String) {
        append(
            STUN.Attribute.errorCode, [0, 0, UInt8(code / 100 & 7), UInt8(code % 100)] + Array(reason.utf8))
    }

    /// What the HMAC-SHA1 of MESSAGE-INTEGRITY is computed over: the message so far, its length field
    /// counting the attribute that is to follow (RFC 8489 §14.5).
    package mutating func integrityInput() -> [UInt8] {
        bytes.replace(bigEndian: lengthWithIntegrity, at: 2)
        return bytes
    }

    /// What the length field has to say for that.
    package var lengthWithIntegrity: UInt16 {
        UInt16(truncatingIfNeeded: bytes.count - STUN.headerLength + STUN.integrityAttributeLength)
    }

    package mutating func appendIntegrity(_ hmac: InlineArray<20, UInt8>) {
        begin(STUN.Attribute.messageIntegrity, count: hmac.count)
        for place in 0..<hmac.count { bytes.append(hmac[place]) }
    }

    /// - Parameter hmac: 20 octets.
    package mutating func appendIntegrity(_ hmac: [UInt8]) {
        precondition(hmac.count == STUN.integrityLength, "HMAC-SHA1 has 20 octets")
        append(STUN.Attribute.messageIntegrity, hmac)
    }

    package mutating func appendFingerprint() {
        setLength(bytes.count - STUN.headerLength + STUN.fingerprintAttributeLength)
        let sum = CRC32.checksum(unsafe bytes.span.bytes) ^ STUN.fingerprintMask
        begin(STUN.Attribute.fingerprint, count: 4)
        bytes.append(bigEndian: sum)
    }

    private mutating func setLength(_ length: Int) {
        bytes.replace(bigEndian: UInt16(truncatingIfNeeded: length), at: 2)
    }
}
