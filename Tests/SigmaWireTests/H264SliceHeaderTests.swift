import SigmaWire
import Testing

@Suite("H264SliceHeader: ITU-T H.264 §7.3.3")
struct H264SliceHeaderTests {
    private func header(_ hex: String) throws -> H264SliceHeader {
        let bytes = octets(hex)
        return try H264SliceHeader(bytes.span.bytes)
    }

    private func startsBSlice(_ hex: String) throws -> Bool {
        let bytes = octets(hex)
        return try H264Payload(bytes.span.bytes).startsBSlice
    }

    /// first_mb_in_slice 0 is the bit 1, and slice_type follows it.
    @Test(arguments: [
        ("c0", H264SliceHeader.SliceType.p), ("a0", .b), ("b0", .i), ("90", .sp), ("94", .si),
        ("98", .p), ("9c", .b), ("88", .i), ("89", .sp), ("8a", .si),
    ])
    func `slice types 0 to 4 and 5 to 9 mean the same (table 7-6)`(
        hex: String, type: H264SliceHeader.SliceType
    ) throws {
        let header = try header(hex)
        #expect(header.type == type)
        #expect(header.firstMacroblock == 0)
    }

    @Test func `a later slice names its first macroblock (§7.4.3)`() throws {
        // ue(40) is 00000 101001, ue(1) is 010.
        let header = try header("0528")
        #expect(header.firstMacroblock == 40)
        #expect(header.type == .b)
    }

    @Test func `the first macroblock may take five octets (§9.1)`() throws {
        let header = try header("0000 8000 20")
        #expect(header.firstMacroblock == 65_535)
        #expect(header.type == .b)
    }

    @Test(arguments: ["", "00", "80", "0000000000", "8b", "0000200000 80"])
    func `refuses what ends early or is no slice type`(hex: String) {
        let thrown = error(octets(hex)) { bytes throws(WireError) in _ = try H264SliceHeader(bytes) }
        #expect(thrown != nil)
    }

    @Test func `B slices are seen in single units, aggregates and first fragments (RFC 6184 §5.6 to §5.8)`()
        throws
    {
        for hex in ["01 9c", "41 a0", "02 9c", "78 0002 419a 0002 019c", "5c 81 9c", "1c 81 a0"] {
            #expect(try startsBSlice(hex), "\(hex)")
        }
        // P and I slices, later fragments, partitions without a head, IDR, SEI, and a slice without its head.
        for hex in ["41 9a", "41 b0", "5c 01 9c", "5c 41 9c", "43 9c", "44 9c", "65 9c", "06 9c", "41"] {
            #expect(try !startsBSlice(hex), "\(hex)")
        }
    }

    @Test func `a slice in an aggregate ends with its unit (RFC 6184 §5.7.1)`() throws {
        // 41 01 says first_mb_in_slice needs more bits; what follows is the next unit.
        #expect(try !startsBSlice("78 0002 4101 0002 06ff"))
    }
}
