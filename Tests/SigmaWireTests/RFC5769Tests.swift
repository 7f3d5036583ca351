import SigmaWire
import Testing

/// The test vectors of RFC 5769; their HMACs are checked where the keys are.
@Suite("STUNMessageView: RFC 5769 test vectors")
struct RFC5769Tests {
    static let request = octets(
        """
        00010058 2112a442 b7e7a701bc34d686fa87dfae
        80220010 5354554e207465737420636c69656e74
        00240004 6e0001ff
        80290008 932ff9b151263b36
        00060009 6576746a3a68367659 202020
        00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
        80280004 e57a3bcf
        """)
    static let responseIPv4 = octets(
        """
        0101003c 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f72 20
        00200008 0001a147e112a643
        00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7
        80280004 c07d4c96
        """)
    static let responseIPv6 = octets(
        """
        01010048 2112a442 b7e7a701bc34d686fa87dfae
        8022000b 7465737420766563746f72 20
        00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014 a382954e4be67bf11784c97c8292c275bfe3ed41
        80280004 c8fb0b4c
        """)
    static let transaction = TransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE)

    @Test func `reads the sample request (RFC 5769 §2.1)`() throws {
        let message = try STUNMessageView(Self.request.span.bytes)
        let (messageClass, method, transaction) = (message.messageClass, message.method, message.transaction)
        #expect(messageClass == .request)
        #expect(method == STUN.bindingMethod)
        #expect(transaction == Self.transaction)
        let (priority, controlled, controlling) =
            (message.priority, message.iceControlled, message.iceControlling)
        #expect(priority == 0x6E00_01FF)
        #expect(controlled == 0x932F_F9B1_5126_3B36)
        #expect(controlling == nil)
        let found = message.username
        let username = try #require(found)
        let text = String(decoding: message.bytes.array(username), as: UTF8.self)
        #expect(text == "evtj:h6vY")
        let (hasFingerprint, useCandidate, unknown) =
            (message.hasFingerprint, message.useCandidate, message.unknownRequired)
        #expect(hasFingerprint)
        #expect(!useCandidate)
        #expect(unknown == nil)
    }

    @Test(arguments: [
        (request, 76, UInt16(80)), (responseIPv4, 48, UInt16(52)), (responseIPv6, 60, UInt16(64)),
    ])
    func `finds MESSAGE-INTEGRITY and the length it was computed with (RFC 8489 §14.5)`(
        vector: [UInt8], offset: Int, length: UInt16
    ) throws {
        let message = try STUNMessageView(vector.span.bytes)
        let (integrityOffset, lengthField) = (message.integrityOffset, message.integrityLengthField)
        #expect(integrityOffset == offset)
        #expect(lengthField == length)
        // FINGERPRINT follows: the header's own length counts 8 octets more.
        #expect(vector.span.bytes.bigEndian(UInt16.self, at: 2) == length + 8)
    }

    @Test(arguments: [
        (responseIPv4, Address(v4: 0xC000_0201, port: 32853)),
        (responseIPv6, Address(high: 0x2001_0DB8_1234_5678, low: 0x0011_2233_4455_6677, port: 32853)),
    ])
    func `reads XOR-MAPPED-ADDRESS (RFC 5769 §2.2, §2.3)`(vector: [UInt8], address: Address) throws {
        let message = try STUNMessageView(vector.span.bytes)
        let (messageClass, mapped) = (message.messageClass, message.mappedAddress)
        #expect(messageClass == .success)
        #expect(mapped == address)
        let hasFingerprint = message.hasFingerprint
        #expect(hasFingerprint)
    }

    @Test(arguments: [request, responseIPv4, responseIPv6])
    func `refuses a message with any octet changed, by its FINGERPRINT (RFC 8489 §14.7)`(
        vector: [UInt8]
    ) {
        for offset in vector.indices {
            var damaged = vector
            damaged[offset] ^= 0x01
            let thrown = error(damaged) { bytes throws(WireError) in
                let message = try STUNMessageView(bytes)
                // A FINGERPRINT that lost its type is an unknown attribute, and simply absent.
                if !message.hasFingerprint { throw .malformed(.fingerprint) }
            }
            #expect(thrown != nil, "octet \(offset)")
        }
    }

    @Test func `builds the IPv4 response octet for octet (RFC 5769 §2.2)`() {
        var builder = STUNMessageBuilder(.success, transaction: Self.transaction)
        builder.append(STUN.Attribute.software, Array("test vector".utf8))
        builder.appendXORMappedAddress(Address(v4: 0xC000_0201, port: 32853))
        let input = builder.integrityInput()
        #expect(input.count == 48)
        #expect(input.span.bytes.bigEndian(UInt16.self, at: 2) == 52)
        builder.appendIntegrity(octets("2b91f599fd9e90c38c7489f92af9ba53f06be7d7"))
        // The vector pads SOFTWARE with a space, we with zero: only that and the sum over it differ.
        var expected = Self.responseIPv4
        expected[35] = 0
        #expect(builder.bytes.dropFirst(4) == expected.dropLast(8).dropFirst(4))
        builder.appendFingerprint()
        #expect(builder.bytes.count == expected.count)
        #expect(builder.bytes.prefix(4) == expected.prefix(4))
    }
}
