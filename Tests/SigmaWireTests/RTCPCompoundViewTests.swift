import SigmaWire
import Testing

@Suite("RTCPCompoundView: RFC 3550 §6.1, appendix A.2; RFC 5506 §3.1")
struct RTCPCompoundViewTests {
    private static let emptyReport = "80c90001 00000001"
    private static let pli = "81ce0002 00000001 00000002"

    private func parse(_ hex: String) -> WireError? {
        error(octets(hex)) { bytes throws(WireError) in _ = try RTCPCompoundView(bytes) }
    }

    /// Packet type and body of each packet of a compound.
    private func walk(_ hex: String) throws -> [(type: UInt8, body: Range<Int>)] {
        let bytes = octets(hex)
        let compound = try RTCPCompoundView(bytes.span.bytes)
        var packets = compound.packets
        var found: [(type: UInt8, body: Range<Int>)] = []
        while let packet = packets.next(in: compound) { found.append((packet.type, packet.body)) }
        return found
    }

    @Test func `walks a compound packet by packet (RFC 3550 §6.1)`() throws {
        let found = try walk(Self.emptyReport + "81ca0002 00000001 01 00 0000" + Self.pli)
        #expect(found.map(\.type) == [201, 202, 206])
        #expect(found.map(\.body) == [4..<8, 12..<20, 24..<32])
    }

    @Test func `takes a reduced-size packet that begins with feedback (RFC 5506 §3.1)`() throws {
        let found = try walk(Self.pli)
        #expect(found.map(\.type) == [206])
    }

    @Test func `takes packet types it does not know`() throws {
        let found = try walk("80cc0002 00000001 4e414d45 85cf0000 9fdf0000")
        #expect(found.map(\.type) == [204, 207, 223])
    }

    @Test func `refuses an empty datagram and every cut of a good one`() {
        let good = octets(Self.emptyReport + Self.pli)
        for count in 0..<good.count where count != 8 {
            let thrown = error(Array(good.prefix(count))) { bytes throws(WireError) in
                _ = try RTCPCompoundView(bytes)
            }
            #expect(thrown != nil, "\(count) octets")
        }
    }

    @Test func `refuses a length past the end, the good packets before it too (RFC 3550 A.2)`() {
        #expect(
            parse(Self.emptyReport + "81ce0003 00000001 00000002") == .truncated(needed: 24, available: 20))
        #expect(parse("80c9ffff 00000001") == .truncated(needed: 262_144, available: 8))
    }

    @Test func `refuses octets left over (RFC 3550 A.2)`() {
        #expect(parse(Self.emptyReport + "00") == .truncated(needed: 12, available: 9))
        #expect(parse(Self.emptyReport + "00000000") == .malformed(.version))
    }

    @Test(arguments: ["00c90001 00000001", "40c90001 00000001", "c0c90001 00000001"])
    func `refuses another version (RFC 3550 A.2)`(hex: String) {
        #expect(parse(hex) == .malformed(.version))
    }

    @Test(arguments: [
        "81c90001 00000001",  // one block, none there
        "80c80005 00000001 00000000 00000000 00000000 00000000",  // no octet count
        "81cb0000", "82cb0001 00000001",  // sources
        "81ce0001 00000001", "81cd0000",  // feedback without its two SSRCs
        "80c90000",  // a report without its sender
    ])
    func `refuses a packet shorter than its count asks for (RFC 3550 §6.4, §6.6, RFC 4585 §6.1)`(hex: String)
    {
        #expect(parse(hex) == .malformed(.reportCount))
    }

    @Test(arguments: [("04", 4), ("08", 8), ("0c", 12), ("10", 16)])
    func `leaves padding out of the last packet (RFC 3550 §6.4.1)`(count: String, padding: Int) throws {
        let words = String(1 + padding / 4)
        let zeros = String(repeating: "00", count: padding - 1)
        let found = try walk("a0c9000\(words) 00000001 \(zeros) \(count)")
        #expect(found.map(\.body) == [4..<8])
    }

    @Test(arguments: ["00", "0c", "ff"])
    func `refuses a padding count of 0 or past the header (RFC 3550 A.2)`(count: String) {
        #expect(parse("a0c90002 00000001 000000\(count)") != nil)
    }

    @Test func `takes a padding count that is no multiple of 4, as libwebrtc sends it`() throws {
        #expect(try walk("a0c90002 00000001 00000003").count == 1)
    }

    @Test func `refuses padding in a packet that is not the last (RFC 3550 §6.4.1)`() {
        #expect(parse("a0c90002 00000001 00000004" + Self.pli) == .malformed(.padding))
    }
}
