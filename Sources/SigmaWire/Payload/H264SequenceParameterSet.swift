/// The part of an H.264 sequence parameter set that a room tells about: profile, level, picture size.
///
/// - SeeAlso: ITU-T H.264 §7.3.2.1.1 (syntax), §7.4.2.1.1 (cropping)
package struct H264SequenceParameterSet: Equatable, Sendable {
    /// profile_idc, constraint flags and level_idc, as in profile-level-id (RFC 6184 §8.1).
    package let profileLevelID: UInt32
    /// Luma samples, after cropping.
    package let width: Int
    package let height: Int

    /// - Parameter unit: The NAL unit, its header octet included, emulation prevention in place.
    /// - Throws: ``WireError`` when it ends early or a value is outside what H.264 allows.
    package init(_ unit: RawSpan) throws(WireError) {
        try unit.require(4)
        guard unit.octet(at: 0) & 0x1F == H264Payload.NALType.sps else {
            throw .malformed(.parameterSet)
        }
        profileLevelID = unit.bigEndian24(at: 1)
        var bits = ExpGolombReader(offset: 4)
        _ = try bits.unsigned(in: unit)  // seq_parameter_set_id
        let chroma = try Self.readChroma(profile: unit.octet(at: 1), &bits, in: unit)
        _ = try bits.unsigned(in: unit)  // log2_max_frame_num_minus4
        try Self.skipPictureOrder(&bits, in: unit)
        _ = try bits.unsigned(in: unit)  // max_num_ref_frames
        _ = try bits.bit(in: unit)  // gaps_in_frame_num_value_allowed_flag
        let widthInMacroblocks = try bits.unsigned(in: unit, atMost: 1023) + 1
        let heightInMapUnits = try bits.unsigned(in: unit, atMost: 1023) + 1
        let frameMacroblocksOnly = try bits.bit(in: unit)
        if !frameMacroblocksOnly { _ = try bits.bit(in: unit) }
        _ = try bits.bit(in: unit)  // direct_8x8_inference_flag

        let fieldFactor = frameMacroblocksOnly ? 1 : 2
        var width = Int(widthInMacroblocks) * 16
        var height = Int(heightInMapUnits) * 16 * fieldFactor
        if try bits.bit(in: unit) {
            // Table 6-1: chroma samples are half as many across for 4:2:0 and 4:2:2, half as many down
            // for 4:2:0; monochrome and separate planes count luma samples.
            let unitX = chroma == 1 || chroma == 2 ? 2 : 1
            let unitY = (chroma == 1 ? 2 : 1) * fieldFactor
            let left = Int(try bits.unsigned(in: unit, atMost: 16384))
            let right = Int(try bits.unsigned(in: unit, atMost: 16384))
            let top = Int(try bits.unsigned(in: unit, atMost: 16384))
            let bottom = Int(try bits.unsigned(in: unit, atMost: 16384))
            width -= unitX * (left + right)
            height -= unitY * (top + bottom)
        }
        guard width > 0, height > 0 else { throw .malformed(.parameterSet) }
        self.width = width
        self.height = height
    }

    /// - Returns: chroma_format_idc; 0 as well when the colour planes are coded apart.
    private static func readChroma(
        profile: UInt8, _ bits: inout ExpGolombReader, in unit: RawSpan
    ) throws(WireError) -> UInt32 {
        switch profile {
        case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135: break
        default: return 1
        }
        let format = try bits.unsigned(in: unit, atMost: 3)
        let separatePlanes = format == 3 ? try bits.bit(in: unit) : false
        _ = try bits.unsigned(in: unit)  // bit_depth_luma_minus8
        _ = try bits.unsigned(in: unit)  // bit_depth_chroma_minus8
        _ = try bits.bit(in: unit)  // qpprime_y_zero_transform_bypass_flag
        if try bits.bit(in: unit) {
            for list in 0..<(format == 3 ? 12 : 8) where try bits.bit(in: unit) {
                try skipScalingList(size: list < 6 ? 16 : 64, &bits, in: unit)
            }
        }
        return separatePlanes ? 0 : format
    }

    /// H.264 §7.3.2.1.1.1.
    private static func skipScalingList(
        size: Int, _ bits: inout ExpGolombReader, in unit: RawSpan
    ) throws(WireError) {
        var last = 8
        var next = 8
        for _ in 0..<size {
            if next != 0 {
                let delta = Int(try bits.signed(in: unit))
                guard (-128...127).contains(delta) else { throw .malformed(.parameterSet) }
                next = (last + delta + 256) % 256
            }
            last = next == 0 ? last : next
        }
    }

    private static func skipPictureOrder(
        _ bits: inout ExpGolombReader, in unit: RawSpan
    ) throws(WireError) {
        switch try bits.unsigned(in: unit, atMost: 2) {
        case 0:
            _ = try bits.unsigned(in: unit)  // log2_max_pic_order_cnt_lsb_minus4
        case 1:
            _ = try bits.bit(in: unit)
            _ = try bits.signed(in: unit)
            _ = try bits.signed(in: unit)
            for _ in 0..<(try bits.unsigned(in: unit, atMost: 255)) { _ = try bits.signed(in: unit) }
        default:
            break
        }
    }
}

/// Reads bits and Exp-Golomb codes of a NAL unit, skipping emulation prevention octets.
///
/// - SeeAlso: ITU-T H.264 §7.3.1 (0x000003), §9.1 (ue(v), se(v))
package struct ExpGolombReader: Sendable {
    private var offset: Int
    private var bitsLeft = 8
    private var zeros = 0

    package init(offset: Int) { self.offset = offset }

    package mutating func bit(in unit: RawSpan) throws(WireError) -> Bool {
        if bitsLeft == 8 { try skipEmulationPrevention(in: unit) }
        try unit.require(offset + 1)
        bitsLeft -= 1
        let value = unit.octet(at: offset) >> UInt8(bitsLeft) & 1
        if bitsLeft == 0 {
            zeros = unit.octet(at: offset) == 0 ? zeros + 1 : 0
            offset += 1
            bitsLeft = 8
        }
        return value == 1
    }

    private mutating func skipEmulationPrevention(in unit: RawSpan) throws(WireError) {
        try unit.require(offset + 1)
        if zeros >= 2, unit.octet(at: offset) == 3 {
            zeros = 0
            offset += 1
        }
    }

    package mutating func unsigned(
        in unit: RawSpan, atMost limit: UInt32 = UInt32.max
    ) throws(WireError) -> UInt32 {
        var leadingZeros = 0
        while try !bit(in: unit) {
            leadingZeros += 1
            guard leadingZeros < 32 else { throw .malformed(.parameterSet) }
        }
        var value: UInt64 = 1
        for _ in 0..<leadingZeros { value = value << 1 | (try bit(in: unit) ? 1 : 0) }
        guard value - 1 <= UInt64(limit) else { throw .malformed(.parameterSet) }
        return UInt32(value - 1)
    }

    package mutating func signed(in unit: RawSpan) throws(WireError) -> Int32 {
        let code = Int64(try unsigned(in: unit))
        let magnitude = (code + 1) / 2
        return Int32(truncatingIfNeeded: code % 2 == 1 ? magnitude : -magnitude)
    }
}
