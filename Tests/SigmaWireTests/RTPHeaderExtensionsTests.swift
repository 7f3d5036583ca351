import SigmaWire
import Testing

@Suite("RTPHeaderExtensions: RFC 8285 §4")
struct RTPHeaderExtensionsTests {
    /// The elements of a block: id and octets.
    private func elements(_ profile: String, _ block: String) throws -> [[UInt8]] {
        let data = octets(block)
        let words = [UInt8(data.count / 4)]
        let bytes = rtpPacket(first: 0x90, profile) + [0] + words + data + [0xEE, 0xEE]
        let packet = try RTPPacketView(bytes.span.bytes)
        var walk = packet.headerExtensions
        var found: [[UInt8]] = []
        while let element = walk.next(in: packet.bytes) {
            found.append([element.id] + bytes[element.value])
        }
        return found
    }

    @Test func `walks one-byte elements (RFC 8285 §4.2)`() throws {
        let found = try elements("bede", "10aa 2201 0203 30 bb 00")
        #expect(found == [[1, 0xAA], [2, 1, 2, 3], [3, 0xBB]])
    }

    @Test func `skips padding between and behind elements (RFC 8285 §4.1.2)`() throws {
        let found = try elements("bede", "0000 10aa 0000 30bb 00000000")
        #expect(found == [[1, 0xAA], [3, 0xBB]])
    }

    @Test func `reads 16 octets, the longest one-byte element`() throws {
        let value = "000102030405060708090a0b0c0d0e0f"
        let found = try elements("bede", "ef \(value) 000000")
        #expect(found == [[14] + octets(value)])
    }

    @Test func `stops at id 15, whatever its length (RFC 8285 §4.2)`() throws {
        let found = try elements("bede", "10aa f0 00 20bb 0000")
        #expect(found == [[1, 0xAA]])
    }

    @Test func `stops at id 0 with a length (RFC 8285 §4.2)`() throws {
        let found = try elements("bede", "10aa 01 0000 20bb 00")
        #expect(found == [[1, 0xAA]])
    }

    @Test func `stops at an element that runs past the block, keeps those before it`() throws {
        #expect(try elements("bede", "10aa 2f01") == [[1, 0xAA]])
        #expect(try elements("bede", "2f010203") == [])
        #expect(try elements("bede", "00000010") == [])
    }

    @Test func `walks two-byte elements, empty ones too (RFC 8285 §4.3)`() throws {
        let found = try elements("1000", "0100 0201aa 00 0f02bbcc 000000")
        #expect(found == [[1], [2, 0xAA], [15, 0xBB, 0xCC]])
    }

    @Test(arguments: ["1000", "100f", "1005"])
    func `ignores the appbits of the two-byte form (RFC 8285 §4.3)`(profile: String) throws {
        #expect(try elements(profile, "0401aa00") == [[4, 0xAA]])
    }

    @Test func `stops at a two-byte element that runs past the block`() throws {
        #expect(try elements("1000", "0100 0203") == [[1]])
        #expect(try elements("1000", "00000001") == [])
        #expect(try elements("1000", "01ff0000") == [])
    }

    @Test(arguments: ["0000", "abac", "bedf", "1010"])
    func `finds no elements under another profile (RFC 3550 §5.3.1)`(profile: String) throws {
        #expect(try elements(profile, "10aa20bb") == [])
    }

    @Test func `finds none without an extension`() throws {
        let bytes = rtpPacket("10aa20bb")
        let packet = try RTPPacketView(bytes.span.bytes)
        var walk = packet.headerExtensions
        let element = walk.next(in: packet.bytes)
        #expect(element == nil)
    }
}
