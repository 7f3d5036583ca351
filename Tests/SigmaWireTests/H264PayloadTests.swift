import SigmaWire
import Testing

@Suite("H264Payload: RFC 6184 §5")
struct H264PayloadTests {
    private func parse(_ hex: String) -> WireError? {
        error(octets(hex)) { bytes throws(WireError) in _ = try H264Payload(bytes) }
    }

    private func payload(_ hex: String) throws -> H264Payload {
        let bytes = octets(hex)
        return try H264Payload(bytes.span.bytes)
    }

    @Test func `a single IDR slice starts a keyframe (RFC 6184 §5.6)`() throws {
        let idr = try payload("65 8884")
        #expect(idr.startsIDR)
        #expect(!idr.containsOtherPicture && !idr.carriesParameterSets)
    }

    @Test func `slices and data partitions are other pictures, an SEI message is none`() throws {
        for hex in ["41 9a", "01 9a", "42 9a", "44 9a", "5c 81 88", "5c 01 88", "78 0002 419a"] {
            let other = try payload(hex)
            #expect(other.containsOtherPicture && !other.startsIDR)
        }
        #expect(try !payload("06 05").containsOtherPicture)
    }

    @Test func `single parameter sets are found whole (RFC 6184 §5.6)`() throws {
        #expect(try payload("67 42c01f").sequenceParameterSet == 0..<4)
        #expect(try payload("68 ce3c80").pictureParameterSet == 0..<4)
    }

    @Test func `a STAP-A is looked through (RFC 6184 §5.7.1)`() throws {
        let units = try payload("78 0004 6742c01f 0002 68ce 0003 658884")
        #expect(units.sequenceParameterSet == 3..<7)
        #expect(units.pictureParameterSet == 9..<11)
        #expect(units.startsIDR && units.carriesParameterSets)
    }

    @Test func `the first parameter set of a STAP-A counts`() throws {
        #expect(try payload("78 0001 67 0002 6742").sequenceParameterSet == 3..<4)
    }

    @Test(arguments: ["78", "780001", "78000141 00", "780002 41", "78ffff 4141", "78 0001 41 0004 4141"])
    func `refuses a STAP-A whose units run past the end (RFC 6184 §5.7.1)`(hex: String) {
        guard case .truncated = parse(hex) else {
            Issue.record("taken: \(hex)")
            return
        }
    }

    @Test(arguments: ["78 0000 41", "78 0001 78", "78 0002 7c85", "78 0001 00", "78 0001 1f"])
    func `refuses an empty or nested unit in a STAP-A (RFC 6184 §5.7)`(hex: String) {
        #expect(parse(hex) == .malformed(.nalUnit))
    }

    @Test func `the first FU-A starts the keyframe, the others only belong to it (RFC 6184 §5.8)`() throws {
        let first = try payload("7c 85 88")
        #expect(first.startsIDR && !first.containsOtherPicture)
        for hex in ["7c 05 88", "7c 45 88"] {
            let later = try payload(hex)
            #expect(!later.startsIDR && !later.containsOtherPicture)
        }
        #expect(try payload("7c 87 42").sequenceParameterSet == nil)
    }

    @Test(arguments: ["7c c5 88", "7c c1 88"])
    func `refuses an FU with both S and E (RFC 6184 §5.8)`(hex: String) {
        #expect(parse(hex) == .malformed(.nalUnit))
    }

    @Test(arguments: ["7c 80 88", "7c 98 88", "7c 9c 88", "7c 9f 88"])
    func `refuses an FU of a type that is no NAL unit (RFC 6184 §5.8)`(hex: String) {
        #expect(parse(hex) == .malformed(.nalUnit))
    }

    @Test(arguments: [0, 25, 26, 27, 29, 30, 31])
    func `refuses types that packetization-mode 1 forbids (RFC 6184 §6.3)`(type: Int) {
        let bytes = [UInt8(0x60 | type), 0x85, 0x88, 0x88]
        let thrown = error(bytes) { bytes throws(WireError) in _ = try H264Payload(bytes) }
        #expect(thrown == .malformed(.nalUnit))
    }

    @Test func `refuses an empty payload and an FU-A without its header`() {
        #expect(parse("") == .truncated(needed: 1, available: 0))
        #expect(parse("7c") == .truncated(needed: 2, available: 1))
    }
}
