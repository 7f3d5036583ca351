import SigmaWire
import Testing

@Suite("STUNMessageBuilder: RFC 8489 §5, §14")
struct STUNMessageBuilderTests {
    private let transaction = TransactionID(high: 0x0102_0304, low: 0x0506_0708_090A_0B0C)

    @Test func `what it writes of a check is read back (RFC 8445 §7.2.2)`() throws {
        var builder = STUNMessageBuilder(.request, transaction: transaction)
        builder.append(STUN.Attribute.username, Array("abcd:wxyz1".utf8))
        builder.append(STUN.Attribute.priority, octets("6e0001ff"))
        builder.append(STUN.Attribute.iceControlling, octets("0011223344556677"))
        builder.append(STUN.Attribute.useCandidate, [])
        let hmac = [UInt8](0..<20)
        let input = builder.integrityInput()
        builder.appendIntegrity(hmac)
        builder.appendFingerprint()

        let bytes = builder.bytes
        let message = try STUNMessageView(bytes.span.bytes)
        let (identity, controlling, useCandidate, priority) =
            (message.transaction, message.iceControlling, message.useCandidate, message.priority)
        let (foundName, foundIntegrity, hasFingerprint) =
            (message.username, message.integrityOffset, message.hasFingerprint)
        #expect(identity == transaction)
        #expect(controlling == 0x0011_2233_4455_6677)
        #expect(useCandidate)
        #expect(priority == 0x6E00_01FF)
        #expect(hasFingerprint)
        let username = try #require(foundName)
        #expect(Array(bytes[username]) == Array("abcd:wxyz1".utf8))
        let offset = try #require(foundIntegrity)
        #expect(offset == input.count)
        #expect(Array(bytes[(offset + 4)..<(offset + 24)]) == hmac)
        let lengthField = message.integrityLengthField
        #expect(lengthField == input.span.bytes.bigEndian(UInt16.self, at: 2))
    }

    @Test(arguments: [
        Address(v4: 0x7F00_0001, port: 1), Address(v4: 0xFFFF_FFFF, port: 65535), Address(v4: 0, port: 0),
        Address(high: 0x2001_0DB8_0000_0000, low: 7, port: 5004), Address(high: 0, low: 1, port: 9),
        Address(high: .max, low: .max, port: 65535),
    ])
    func `XOR-MAPPED-ADDRESS survives the round trip (RFC 8489 §14.2)`(address: Address) throws {
        var builder = STUNMessageBuilder(.success, transaction: transaction)
        builder.appendXORMappedAddress(address)
        #expect(builder.bytes.count == (address.v4 == nil ? 44 : 32))
        let bytes = builder.bytes
        let message = try STUNMessageView(bytes.span.bytes)
        let mapped = message.mappedAddress
        #expect(mapped == address)
    }

    @Test(arguments: [400, 420, 487, 599])
    func `ERROR-CODE survives the round trip (RFC 8489 §14.8)`(code: Int) throws {
        var builder = STUNMessageBuilder(.error, transaction: transaction)
        builder.appendErrorCode(code, reason: "Role Conflict")
        let bytes = builder.bytes
        let message = try STUNMessageView(bytes.span.bytes)
        let (messageClass, errorCode) = (message.messageClass, message.errorCode)
        #expect(messageClass == .error)
        #expect(errorCode == code)
    }

    @Test func `pads each attribute to a word, the length says what is used (RFC 8489 §14)`() {
        for count in 0...9 {
            var builder = STUNMessageBuilder(.request, transaction: transaction)
            builder.append(STUN.Attribute.username, [UInt8](repeating: 0x41, count: count))
            #expect(builder.bytes.count == 24 + (count + 3) / 4 * 4)
            #expect(builder.bytes.span.bytes.bigEndian(UInt16.self, at: 22) == UInt16(count))
            #expect(Int(builder.bytes.span.bytes.bigEndian(UInt16.self, at: 2)) == builder.bytes.count - 20)
        }
    }

    @Test func `CRC-32 of the check string is the published one (ITU-T V.42)`() {
        #expect(CRC32.checksum(Array("123456789".utf8).span.bytes) == 0xCBF4_3926)
        #expect(CRC32.checksum([UInt8]().span.bytes) == 0)
    }
}
