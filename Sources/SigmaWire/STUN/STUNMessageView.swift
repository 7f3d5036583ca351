/// 96 bits that pair a response with its request (RFC 8489 §5).
package struct TransactionID: Hashable, Sendable, BitwiseCopyable {
    package var high: UInt32
    package var low: UInt64

    package init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }
}

package enum STUN {
    package static let headerLength = 20
    package static let magicCookie: UInt32 = 0x2112_A442
    /// Octets of the MESSAGE-INTEGRITY attribute, its header included.
    package static let integrityAttributeLength = 24
    package static let integrityLength = 20
    package static let fingerprintAttributeLength = 8
    package static let fingerprintMask: UInt32 = 0x5354_554E
    /// The Binding method, the only one ICE uses (RFC 8445 §7).
    package static let bindingMethod: UInt16 = 1

    /// RFC 8489 §5: the two class bits of a message type.
    package enum Class: UInt8, Sendable { case request, indication, success, error }

    package enum Attribute {
        package static let mappedAddress: UInt16 = 0x0001
        package static let username: UInt16 = 0x0006
        package static let messageIntegrity: UInt16 = 0x0008
        package static let errorCode: UInt16 = 0x0009
        package static let unknownAttributes: UInt16 = 0x000A
        package static let xorMappedAddress: UInt16 = 0x0020
        package static let priority: UInt16 = 0x0024
        package static let useCandidate: UInt16 = 0x0025
        package static let software: UInt16 = 0x8022
        package static let fingerprint: UInt16 = 0x8028
        package static let iceControlled: UInt16 = 0x8029
        package static let iceControlling: UInt16 = 0x802A
    }
}

/// One STUN message, read where it lies in the receive buffer.
///
/// Found, not verified: whoever holds the password checks the HMAC up to ``integrityOffset``.
///
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |0 0|     STUN Message Type     |         Message Length        |
/// |                         Magic Cookie                          |
/// |                     Transaction ID (96 bits)                  |
/// |          attributes: type, length, value, padded to 4         |
/// ```
///
/// Attributes after MESSAGE-INTEGRITY, except FINGERPRINT, are ignored (RFC 8489 §14.5). A wrong
/// FINGERPRINT makes the whole message malformed (§14.7).
///
/// - SeeAlso: RFC 8489 §5, §14; RFC 8445 §16.1 for the ICE attributes
package struct STUNMessageView: ~Escapable {
    package let bytes: RawSpan
    package let messageClass: STUN.Class
    package let method: UInt16
    package let transaction: TransactionID
    /// Where the value of USERNAME lies, in octets from the start.
    package private(set) var username: Range<Int>?
    /// Where the MESSAGE-INTEGRITY attribute begins, its header included.
    package private(set) var integrityOffset: Int?
    /// A FINGERPRINT was there, and it was right.
    package private(set) var hasFingerprint = false
    package private(set) var useCandidate = false
    /// Tie-breaker of a peer that says it controls.
    package private(set) var iceControlling: UInt64?
    package private(set) var iceControlled: UInt64?
    package private(set) var priority: UInt32?
    package private(set) var mappedAddress: Address?
    /// Class times 100 plus number (RFC 8489 §14.8).
    package private(set) var errorCode: Int?
    /// The first comprehension-required attribute type that we do not know (RFC 8489 §14).
    package private(set) var unknownRequired: UInt16?

    /// - Throws: ``WireError/malformed(_:)`` for what RFC 8489 §6.3 says to discard in silence,
    ///   ``WireError/truncated(needed:available:)`` when an attribute runs past the end.
    /// - Complexity: O(octets), no allocation.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) throws(WireError) {
        try bytes.require(STUN.headerLength)
        let type = bytes.bigEndian(UInt16.self, at: 0)
        guard type >> 14 == 0 else { throw .malformed(.messageType) }
        guard bytes.bigEndian(UInt32.self, at: 4) == STUN.magicCookie else { throw .malformed(.magicCookie) }
        let length = Int(bytes.bigEndian(UInt16.self, at: 2))
        guard length % 4 == 0, length == bytes.byteCount - STUN.headerLength else {
            throw .malformed(.length)
        }
        guard let messageClass = STUN.Class(rawValue: UInt8(type >> 7 & 2 | type >> 4 & 1)) else {
            throw .malformed(.messageType)
        }
        self.bytes = bytes
        self.messageClass = messageClass
        self.method = type & 0xF | type >> 1 & 0x70 | type >> 2 & 0xF80
        self.transaction = TransactionID(
            high: bytes.bigEndian(UInt32.self, at: 8), low: bytes.bigEndian(UInt64.self, at: 12))
        try readAttributes()
    }

    private mutating func readAttributes() throws(WireError) {
        var offset = STUN.headerLength
        while offset < bytes.byteCount {
            try bytes.require(offset + 4)
            let type = bytes.bigEndian(UInt16.self, at: offset)
            let length = Int(bytes.bigEndian(UInt16.self, at: offset + 2))
            let value = (offset + 4)..<(offset + 4 + length)
            let end = offset + 4 + (length + 3) & ~3
            try bytes.require(end)
            guard !hasFingerprint else { throw .malformed(.fingerprint) }
            if type == STUN.Attribute.fingerprint {
                try checkFingerprint(at: offset, length: length)
            } else if integrityOffset == nil {
                try readAttribute(type, value, at: offset)
            }
            offset = end
        }
    }

    private mutating func readAttribute(_ type: UInt16, _ value: Range<Int>, at offset: Int) throws(WireError)
    {
        switch type {
        case STUN.Attribute.username:
            guard username == nil else { return }
            guard value.count <= 513 else { throw .malformed(.attribute) }
            username = value
        case STUN.Attribute.messageIntegrity:
            try expect(STUN.integrityLength, value)
            integrityOffset = offset
        case STUN.Attribute.useCandidate:
            try expect(0, value)
            useCandidate = true
        case STUN.Attribute.iceControlling:
            try expect(8, value)
            iceControlling = bytes.bigEndian(UInt64.self, at: value.lowerBound)
        case STUN.Attribute.iceControlled:
            try expect(8, value)
            iceControlled = bytes.bigEndian(UInt64.self, at: value.lowerBound)
        case STUN.Attribute.priority:
            try expect(4, value)
            priority = bytes.bigEndian(UInt32.self, at: value.lowerBound)
        case STUN.Attribute.xorMappedAddress:
            mappedAddress = try readXORMappedAddress(value)
        case STUN.Attribute.errorCode:
            guard value.count >= 4 else { throw .malformed(.attribute) }
            errorCode =
                Int(bytes.octet(at: value.lowerBound + 2) & 7) * 100
                + Int(bytes.octet(at: value.lowerBound + 3))
        case STUN.Attribute.mappedAddress, STUN.Attribute.unknownAttributes:
            break
        default:
            // 0x0000 to 0x7FFF must be understood, the rest may be skipped.
            if type < 0x8000, unknownRequired == nil { unknownRequired = type }
        }
    }

    private func expect(_ count: Int, _ value: Range<Int>) throws(WireError) {
        guard value.count == count else { throw .malformed(.attribute) }
    }

    /// RFC 8489 §14.7: over the message up to the attribute, with the length field as received, since
    /// FINGERPRINT is the last attribute.
    private mutating func checkFingerprint(at offset: Int, length: Int) throws(WireError) {
        guard length == 4, offset + STUN.fingerprintAttributeLength == bytes.byteCount else {
            throw .malformed(.fingerprint)
        }
        let sum = CRC32.checksum(bytes.extracting(0..<offset)) ^ STUN.fingerprintMask
        guard bytes.bigEndian(UInt32.self, at: offset + 4) == sum else { throw .malformed(.fingerprint) }
        hasFingerprint = true
    }

    /// RFC 8489 §14.2.
    private func readXORMappedAddress(_ value: Range<Int>) throws(WireError) -> Address {
        let start = value.lowerBound
        guard value.count >= 8 else { throw .malformed(.attribute) }
        let port = bytes.bigEndian(UInt16.self, at: start + 2) ^ UInt16(STUN.magicCookie >> 16)
        switch bytes.octet(at: start + 1) {
        case 1 where value.count == 8:
            return Address(v4: bytes.bigEndian(UInt32.self, at: start + 4) ^ STUN.magicCookie, port: port)
        case 2 where value.count == 20:
            let high = UInt64(STUN.magicCookie) << 32 | UInt64(transaction.high)
            return Address(
                high: bytes.bigEndian(UInt64.self, at: start + 4) ^ high,
                low: bytes.bigEndian(UInt64.self, at: start + 12) ^ transaction.low, port: port)
        default:
            throw .malformed(.attribute)
        }
    }

    // MARK: What the HMAC covers

    /// The message length field as MESSAGE-INTEGRITY saw it: up to that attribute's end (RFC 8489 §14.5).
    ///
    /// `nil` without one.
    package var integrityLengthField: UInt16? {
        guard let integrityOffset else { return nil }
        return UInt16(integrityOffset + STUN.integrityAttributeLength - STUN.headerLength)
    }
}
