import SigmaWire
import Testing

@Suite("H264SequenceParameterSet: ITU-T H.264 §7.3.2.1.1")
struct H264SequenceParameterSetTests {
    private func parse(_ unit: [UInt8]) -> WireError? {
        error(unit) { bytes throws(WireError) in _ = try H264SequenceParameterSet(bytes) }
    }

    @Test(arguments: [
        ("baseline-1280x720", UInt32(0x42C01F), 1280, 720),
        ("main-1280x720", 0x4D401F, 1280, 720),
        ("high-1920x1080", 0x640028, 1920, 1080),
        ("high-638x358", 0x64001E, 638, 358),
        ("interlaced-1920x1080", 0x640028, 1920, 1080),
        ("high422-1920x1080", 0x7A0028, 1920, 1080),
        ("interlaced422-854x480", 0x7A001F, 854, 480),
        ("high444-1278x718", 0xF4001F, 1278, 718),
        ("gray-640x360", 0x64001E, 640, 360),
    ])
    func `reads profile and cropped size of a real encoder (H.264 §7.4.2.1.1)`(
        name: String, profileLevelID: UInt32, width: Int, height: Int
    ) throws {
        let unit = try parameterSet("sps-\(name).hex")
        let set = try H264SequenceParameterSet(unit.span.bytes)
        #expect(set.profileLevelID == profileLevelID)
        #expect(set.width == width)
        #expect(set.height == height)
    }

    @Test(arguments: ["baseline-1280x720", "high-1920x1080", "interlaced-1920x1080", "high444-1278x718"])
    func `refuses one that ends before the cropping rectangle`(name: String) throws {
        let unit = try parameterSet("sps-\(name).hex")
        for count in 0..<8 {
            let thrown = parse(Array(unit.prefix(count)))
            #expect(thrown != nil, "\(count) octets")
        }
    }

    @Test func `refuses another NAL unit`() throws {
        var unit = try parameterSet("sps-baseline-1280x720.hex")
        unit[0] = 0x68
        #expect(parse(unit) == .malformed(.parameterSet))
    }

    /// Profile, level, then the bits given.
    private func unit(profile: UInt8, _ bits: [String]) -> [UInt8] {
        let text = bits.joined() + "1"
        let padded = text + String(repeating: "0", count: (8 - text.count % 8) % 8)
        let digits = Array(padded)
        let octets = stride(from: 0, to: digits.count, by: 8).compactMap {
            UInt8(String(digits[$0..<($0 + 8)]), radix: 2)
        }
        return [0x67, profile, 0, 31] + octets
    }

    /// ue(v) of H.264 §9.1.
    private func ue(_ value: Int) -> String {
        let code = String(value + 1, radix: 2)
        return String(repeating: "0", count: code.count - 1) + code
    }

    @Test func `skips scaling lists, one that ends early too (H.264 §7.3.2.1.1.1)`() throws {
        // se(v) of -8 makes the next scale 0, which ends a list; 0 repeats the last.
        let lists =
            ["1"] + ["1"] + [String](repeating: ue(0), count: 16) + ["1", ue(16)] + ["0", "0", "0", "0"]
            + ["1"] + [String](repeating: ue(0), count: 64) + ["0"]
        let head = [ue(0), ue(1), ue(0), ue(0), "0"]
        let tail = [ue(0), ue(2), ue(1), "0", ue(39), ue(21), "1", "1", "0"]
        let bytes = unit(profile: 100, head + lists + tail)
        let set = try H264SequenceParameterSet(bytes.span.bytes)
        #expect(set.width == 640)
        #expect(set.height == 352)
    }

    @Test func `skips picture order count type 1 (H.264 §7.3.2.1.1)`() throws {
        let bytes = unit(
            profile: 66,
            [ue(0), ue(0), ue(1), "0", ue(3), ue(4), ue(2), ue(1), ue(2)]
                + [ue(1), "0", ue(19), ue(14), "1", "1", "0"])
        let set = try H264SequenceParameterSet(bytes.span.bytes)
        #expect(set.width == 320)
        #expect(set.height == 240)
    }

    @Test func `refuses cropping that leaves no picture`() {
        let bytes = unit(
            profile: 66,
            [ue(0), ue(0), ue(2), ue(1), "0", ue(0), ue(0), "1", "1", "1", ue(4), ue(4), ue(0), ue(0)])
        #expect(parse(bytes) == .malformed(.parameterSet))
    }

    @Test func `refuses a size beyond level 6.2 and an Exp-Golomb code of 32 zeros`() {
        let large = unit(profile: 66, [ue(0), ue(0), ue(2), ue(1), "0", ue(1024), ue(0), "1", "1", "0"])
        #expect(parse(large) == .malformed(.parameterSet))
        let endless = unit(profile: 66, [String(repeating: "0", count: 8 * 12)])
        #expect(parse(endless) == .malformed(.parameterSet))
    }

    @Test(arguments: [
        ("1", UInt32(0), Int32(0)), ("010", 1, 1), ("011", 2, -1), ("00100", 3, 2), ("00101", 4, -2),
        ("00110", 5, 3), ("00111", 6, -3), ("0001000", 7, 4),
    ])
    func `reads ue(v) and se(v) (H.264 §9.1, table 9-3)`(
        code: String, unsigned: UInt32, signed: Int32
    ) throws {
        let padded = code + String(repeating: "1", count: 8 - code.count)
        let bytes = [try #require(UInt8(padded, radix: 2))]
        var reader = ExpGolombReader(offset: 0)
        #expect(try reader.unsigned(in: bytes.span.bytes) == unsigned)
        reader = ExpGolombReader(offset: 0)
        #expect(try reader.signed(in: bytes.span.bytes) == signed)
    }

    @Test func `skips emulation prevention octets, and only those (H.264 §7.4.1)`() throws {
        let bytes = octets("000003 000003 0003 01")
        var reader = ExpGolombReader(offset: 0)
        var read: [Bool] = []
        while let bit = try? reader.bit(in: bytes.span.bytes) { read.append(bit) }
        let expected = octets("0000 0000 0003 01")
        #expect(read.count == 8 * expected.count)
        #expect(expected.indices.allSatisfy { (read[$0 * 8 + 7] ? 1 : 0) == expected[$0] & 1 })
    }
}
