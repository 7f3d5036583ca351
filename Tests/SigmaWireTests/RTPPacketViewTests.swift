import SigmaWire
import Testing

@Suite("RTPPacketView: RFC 3550 §5.1")
struct RTPPacketViewTests {
    private func parse(_ bytes: [UInt8]) -> WireError? {
        error(bytes) { bytes throws(WireError) in _ = try RTPPacketView(bytes) }
    }

    @Test func `reads the fixed header (RFC 3550 §5.1)`() throws {
        let bytes = rtpPacket("aabbcc")
        let packet = try RTPPacketView(bytes.span.bytes)
        let (marker, payloadType, sequenceNumber) =
            (packet.marker, packet.payloadType, packet.sequenceNumber)
        #expect(marker)
        #expect(payloadType == 0x60)
        #expect(sequenceNumber == 0x1234)
        let (timestamp, ssrc, payload) = (packet.timestamp, packet.ssrc, packet.payloadRange)
        #expect(timestamp == 0x0102_0304)
        #expect(ssrc == SSRC(rawValue: 0xCAFE_BABE))
        #expect(payload == 12..<15)
    }

    @Test func `refuses fewer than 12 octets and another version`() {
        for count in 0..<12 {
            let thrown = parse(Array(rtpPacket().prefix(count)))
            #expect(thrown == .truncated(needed: 12, available: count))
        }
        for version: UInt8 in [0x00, 0x40, 0xC0] {
            #expect(parse(rtpPacket(first: version)) == .malformed(.version))
        }
    }

    @Test func `skips up to 15 CSRCs, refuses a list that runs past the end`() throws {
        for count in 0...15 {
            let bytes = rtpPacket(first: 0x80 | UInt8(count)) + [UInt8](repeating: 0, count: 4 * count)
            let packet = try RTPPacketView((bytes + [9]).span.bytes)
            let payload = packet.payloadRange
            #expect(payload == (12 + 4 * count)..<(13 + 4 * count))
            guard count > 0 else { continue }
            let thrown = parse(Array(bytes.dropLast()))
            #expect(thrown == .truncated(needed: 12 + 4 * count, available: 11 + 4 * count))
        }
    }

    @Test func `finds the extension behind the CSRCs (RFC 3550 §5.3.1)`() throws {
        let bytes = rtpPacket(first: 0x91, "00000007 bede0001 10ff0000 99")
        let packet = try RTPPacketView(bytes.span.bytes)
        let (profile, data, payload) =
            (packet.extensionProfile, packet.extensionData, packet.payloadRange)
        #expect(profile == RTP.oneByteProfile)
        #expect(data == 20..<24)
        #expect(payload == 24..<25)
    }

    @Test(arguments: ["", "bede00", "bede0001", "bede0001 10ff00", "bedeffff 10ff0000"])
    func `refuses an extension that runs past the end (RFC 3550 §5.3.1)`(rest: String) {
        guard case .truncated = parse(rtpPacket(first: 0x90, rest)) else {
            Issue.record("taken: \(rest)")
            return
        }
    }

    @Test func `takes an extension of no words`() throws {
        let bytes = rtpPacket(first: 0x90, "bede0000 aa")
        let packet = try RTPPacketView(bytes.span.bytes)
        let (data, payload) = (packet.extensionData, packet.payloadRange)
        #expect(data.isEmpty)
        #expect(payload == 16..<17)
    }

    @Test(arguments: [("aabb01", 12..<14), ("aabb000003", 12..<14), ("000003", 12..<12), ("01", 12..<12)])
    func `leaves padding out of the payload (RFC 3550 §5.1)`(rest: String, payload: Range<Int>) throws {
        let bytes = rtpPacket(first: 0xA0, rest)
        let packet = try RTPPacketView(bytes.span.bytes)
        let range = packet.payloadRange
        #expect(range == payload)
    }

    @Test(arguments: ["aabb00", "aabb04", "aabbff", ""])
    func `refuses padding of 0 or longer than the payload (RFC 3550 §5.1)`(rest: String) {
        // Without a payload the last octet of the SSRC stands where the count would.
        #expect(parse(rtpPacket(first: 0xA0, rest)) == .malformed(.padding))
    }

    @Test func `refuses padding that reaches into the extension`() {
        #expect(parse(rtpPacket(first: 0xB0, "bede0001 10ff0000 aa03")) == .malformed(.padding))
    }
}
