/// The head of a coded slice, as far as it says how the pictures of a stream lean on each other.
///
/// - SeeAlso: ITU-T H.264 §7.3.3 (syntax), §7.4.3 (semantics)
package struct H264SliceHeader: Equatable, Sendable {
    /// The slice's place in its picture; 0 for the first.
    package let firstMacroblock: UInt32
    package let type: SliceType

    /// What its macroblocks may be predicted from (table 7-6); 5 to 9 say it of all slices of the picture.
    package enum SliceType: UInt32, Equatable, Sendable {
        case p, b, i, sp, si
    }

    /// - Parameter slice: What follows the NAL header, emulation prevention in place; its beginning is enough.
    /// - Throws: ``WireError`` when it ends early or a value is outside what H.264 allows.
    package init(_ slice: RawSpan) throws(WireError) {
        var bits = ExpGolombReader(offset: 0)
        firstMacroblock = try bits.unsigned(in: slice, atMost: Self.macroblockLimit)
        guard let type = SliceType(rawValue: try bits.unsigned(in: slice, atMost: 9) % 5) else {
            throw .malformed(.nalUnit)
        }
        self.type = type
    }

    /// Macroblocks of the largest picture (table A-1, MaxFS of level 6.2).
    private static let macroblockLimit: UInt32 = 139_264
}
