import SigmaWire
import Testing

@Suite("STUNMessageView: RFC 8489 §5, §6.3, §14")
struct STUNMessageViewTests {
    private func parse(_ bytes: [UInt8]) -> WireError? {
        error(bytes) { bytes throws(WireError) in _ = try STUNMessageView(bytes) }
    }

    @Test func `takes a header without attributes (RFC 8489 §5)`() {
        #expect(parse(stunMessage([])) == nil)
    }

    @Test func `refuses fewer than 20 octets`() {
        for count in 0..<20 {
            let thrown = parse(Array(stunMessage([]).prefix(count)))
            #expect(thrown == .truncated(needed: 20, available: count))
        }
    }

    @Test func `refuses a type with a leading one bit (RFC 8489 §5)`() {
        #expect(parse(stunMessage(type: 0x4001, [])) == .malformed(.messageType))
        #expect(parse(stunMessage(type: 0x8001, [])) == .malformed(.messageType))
    }

    @Test func `refuses another magic cookie (RFC 8489 §5)`() {
        var bytes = stunMessage([])
        bytes[4] = 0x20
        #expect(parse(bytes) == .malformed(.magicCookie))
    }

    @Test(arguments: ["0001", "000102", "00240004 6e0001ff 00"])
    func `refuses a length that is no multiple of 4 (RFC 8489 §5)`(attributes: String) {
        #expect(parse(stunMessage(octets(attributes))) == .malformed(.length))
    }

    @Test func `refuses a length field that is not that of the datagram`() {
        #expect(parse(stunMessage([]) + [0, 0, 0, 0]) == .malformed(.length))
        var bytes = stunMessage([])
        bytes[3] = 4
        #expect(parse(bytes) == .malformed(.length))
    }

    @Test(arguments: ["00060005 41424344", "0006ffff 41424344", "00240008 6e0001ff"])
    func `refuses an attribute that runs past the end`(attribute: String) {
        let thrown = parse(stunMessage(octets(attribute)))
        guard case .truncated = thrown else {
            Issue.record("\(String(describing: thrown))")
            return
        }
    }

    @Test(arguments: [
        "00240008 6e0001ff6e0001ff",  // PRIORITY has 4 octets
        "00250004 00000000",  // USE-CANDIDATE has none
        "802a0004 00000000", "80290004 00000000",  // tie-breakers have 8
        "00080010 00000000000000000000000000000000",  // HMAC-SHA1 has 20
        "00200004 0001a147",  // no address
        "00200008 0002a147e112a643",  // IPv6 with 4 octets of address
        "00200008 0003a147e112a643",  // no such family
        "00090002 0004 0000",  // ERROR-CODE has at least 4
    ])
    func `refuses an attribute of the wrong length (RFC 8445 §16.1, RFC 8489 §14)`(attribute: String) {
        #expect(parse(stunMessage(octets(attribute))) == .malformed(.attribute))
    }

    @Test func `refuses a USERNAME over 513 octets, takes one of 513 (RFC 8489 §14.3)`() {
        let longest = octets("00060201") + [UInt8](repeating: 65, count: 516)
        #expect(parse(stunMessage(longest)) == nil)
        let longer = octets("00060202") + [UInt8](repeating: 65, count: 516)
        #expect(parse(stunMessage(longer)) == .malformed(.attribute))
    }

    @Test func `ignores what follows MESSAGE-INTEGRITY, except FINGERPRINT (RFC 8489 §14.5)`() throws {
        let integrity = octets("00080014") + [UInt8](repeating: 0, count: 20)
        let bytes = stunMessage(integrity + octets("00250000 00240004 6e0001ff 7fff0000"))
        let message = try STUNMessageView(bytes.span.bytes)
        let (useCandidate, priority, unknown) =
            (message.useCandidate, message.priority, message.unknownRequired)
        #expect(!useCandidate)
        #expect(priority == nil)
        #expect(unknown == nil)
    }

    @Test func `refuses an attribute after FINGERPRINT (RFC 8489 §14.7)`() {
        var builder = STUNMessageBuilder(.request, transaction: RFC5769Tests.transaction)
        builder.appendFingerprint()
        let bytes = stunMessage(Array(builder.bytes.dropFirst(20)) + octets("00250000"))
        #expect(parse(bytes) == .malformed(.fingerprint))
    }

    @Test func `names an unknown comprehension-required attribute, skips an optional one (RFC 8489 §14)`()
        throws
    {
        let bytes = stunMessage(octets("ff000000 00220004 00000000 7ffe0000"))
        let message = try STUNMessageView(bytes.span.bytes)
        let unknown = message.unknownRequired
        #expect(unknown == 0x0022)
    }

    @Test func `keeps the first of two USERNAMEs (RFC 8489 §14)`() throws {
        let bytes = stunMessage(octets("00060004 41414141 00060004 42424242"))
        let message = try STUNMessageView(bytes.span.bytes)
        let username = message.username
        #expect(username == 24..<28)
    }

    @Test(arguments: [
        (UInt16(0x0001), STUN.Class.request, UInt16(1)), (0x0011, .indication, 1), (0x0101, .success, 1),
        (0x0111, .error, 1), (0x0003, .request, 3), (0x3EEF, .request, 0xFFF), (0x3FFF, .error, 0xFFF),
    ])
    func `splits class and method (RFC 8489 §5)`(type: UInt16, messageClass: STUN.Class, method: UInt16)
        throws
    {
        let bytes = stunMessage(type: type, [])
        let message = try STUNMessageView(bytes.span.bytes)
        let (readClass, readMethod) = (message.messageClass, message.method)
        #expect(readClass == messageClass)
        #expect(readMethod == method)
        let built = STUNMessageBuilder(messageClass, method: method, transaction: RFC5769Tests.transaction)
        #expect(built.bytes == bytes)
    }
}
