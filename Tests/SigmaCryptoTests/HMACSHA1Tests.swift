import SigmaCrypto
import SigmaWire
import Testing

@Suite("HMACSHA1: RFC 2202, RFC 5769, RFC 8489 §14.5")
struct HMACSHA1Tests {
    /// RFC 5769 §2.1.
    private let request: [UInt8] = [
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa,
        0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73, 0x74, 0x20,
        0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff, 0x80, 0x29, 0x00,
        0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a,
        0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf,
        0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28,
        0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
    ]
    private let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)

    @Test func `the sample request of RFC 5769 §2.1 verifies with its password alone`() throws {
        let bytes = unsafe request.span.bytes
        let message = try STUNMessageView(bytes)
        let isRight = IntegrityKey(password).verifies(message)
        let isWrong = IntegrityKey(Array("VOkJxbRl1RmTxUk/WvJxBu".utf8)).verifies(message)
        #expect(isRight && !isWrong)
    }

    @Test func `RFC 2202 test case 2`() {
        let code = HMACSHA1.code(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(code.map { String($0, radix: 16) }.prefix(4) == ["ef", "fc", "df", "6a"])
    }

    @Test func `every flipped bit before the attribute is seen`() throws {
        var builder = STUNMessageBuilder(.request, transaction: TransactionID(high: 1, low: 2))
        builder.append(STUN.Attribute.username, Array("abcd:efgh".utf8))
        let input = builder.integrityInput()
        builder.appendIntegrity(HMACSHA1.code(input, key: password))
        let whole = builder.bytes
        for bit in stride(from: 0, to: (whole.count - 24) * 8, by: 1) {
            var damaged = whole
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let bytes = unsafe damaged.span.bytes
            guard let message = try? STUNMessageView(bytes) else { continue }
            let isRight = IntegrityKey(password).verifies(message)
            #expect(!isRight, "bit \(bit)")
        }
    }

    @Test func `a message without the attribute does not verify`() throws {
        let builder = STUNMessageBuilder(.request, transaction: TransactionID(high: 1, low: 2))
        let bytes = unsafe builder.bytes.span.bytes
        let isRight = IntegrityKey(password).verifies(try STUNMessageView(bytes))
        #expect(!isRight)
    }

    @Test func `a sealed message has integrity and fingerprint`() throws {
        var builder = STUNMessageBuilder(.success, transaction: TransactionID(high: 1, low: 2))
        builder.appendXORMappedAddress(Address(v4: 0xC000_0207, port: 1234))
        builder.seal(password: password)
        let octets = builder.bytes
        let message = try STUNMessageView(unsafe octets.span.bytes)
        let isRight = IntegrityKey(password).verifies(message)
        let hasFingerprint = message.hasFingerprint
        #expect(isRight && hasFingerprint)
    }

    @Test(arguments: [0, 1, 20, 63, 64, 65, 200])
    func `a key of any length is OpenSSL's (RFC 2104 §2)`(length: Int) throws {
        let key = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
        var builder = STUNMessageBuilder(.request, transaction: TransactionID(high: 1, low: 2))
        builder.append(STUN.Attribute.username, Array("abcd:efgh".utf8))
        var other = builder
        builder.seal(password: key)
        let input = other.integrityInput()
        other.appendIntegrity(HMACSHA1.code(input, key: key))
        other.appendFingerprint()
        #expect(builder.bytes == other.bytes)
    }
}
