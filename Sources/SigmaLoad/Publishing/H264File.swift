package import SigmaPeer

/// The pictures of an Annex B byte stream, cut into RTP payloads.
///
/// What the server gets is the file's own slices in their order, so a player shows them. Parameter sets go
/// into a STAP-A before each keyframe, with a filler unit that holds a test pattern, so that a
/// viewer can tell the latency of keyframes.
///
/// - SeeAlso: H.264 annex B, §7.4.1.2.4 (first unit of a picture); RFC 6184 §5.7.1, §5.8
package struct H264File: Sendable {
    private enum NALType {
        static let idr: UInt8 = 5
        static let filler: UInt8 = 12
    }

    package struct Picture: Sendable {
        package var isKeyframe = false
        /// NAL units, headers included, without delimiters and fillers.
        package var units: [[UInt8]] = []
    }

    package let pictures: [Picture]

    /// - Returns: `nil` when there is no slice in it.
    package init?(_ octets: [UInt8]) {
        var pictures: [Picture] = []
        var current = Picture()
        var hasSlice = false
        for unit in Self.units(octets) {
            let type = unit[unit.startIndex] & 0x1F
            let isSlice = (1...5).contains(type)
            // first_mb_in_slice is 0: its Exp-Golomb code is the single bit 1.
            let startsSlice = isSlice && unit.count > 1 && unit[unit.startIndex + 1] & 0x80 != 0
            if hasSlice, startsSlice || (6...9).contains(type) {
                pictures.append(current)
                current = Picture()
                hasSlice = false
            }
            if type != 9, type != NALType.filler { current.units.append(Array(unit)) }
            if isSlice { hasSlice = true }
            if type == NALType.idr { current.isKeyframe = true }
        }
        if hasSlice { pictures.append(current) }
        guard !pictures.isEmpty else { return nil }
        self.pictures = pictures
    }

    /// What stands between start codes, trailing zeros left out.
    private static func units(_ octets: [UInt8]) -> [ArraySlice<UInt8>] {
        var units: [ArraySlice<UInt8>] = []
        var start: Int?
        var zeros = 0
        for (index, octet) in octets.enumerated() {
            if octet == 1, zeros >= 2 {
                if let start { units.append(octets[start..<(index - zeros)]) }
                start = index + 1
            }
            zeros = octet == 0 ? zeros + 1 : 0
        }
        if let start { units.append(octets[start..<(octets.count - zeros)]) }
        return units.filter { !$0.isEmpty }
    }

    /// The payloads of one picture.
    ///
    /// - Parameter counter: Of the test pattern; one more is taken for a keyframe.
    package static func payloads(
        _ picture: Picture, largest: Int, cut: SyntheticVideo.Cut, counter: inout UInt32
    ) -> [[UInt8]] {
        let isParameter = { (unit: [UInt8]) in (6...8).contains((unit.first ?? 0) & 0x1F) }
        var payloads: [[UInt8]] = []
        if picture.isKeyframe {
            let filler = [NALType.filler] + SyntheticVideo.pattern(counter: counter)
            counter &+= 1
            let small = picture.units.filter { isParameter($0) && $0.count < largest / 4 } + [filler]
            payloads.append(
                small.reduce(into: [0x78]) { payload, unit in
                    payload += [UInt8(unit.count >> 8), UInt8(unit.count & 0xFF)] + unit
                })
        }
        for unit in picture.units where !(picture.isKeyframe && isParameter(unit) && unit.count < largest / 4)
        {
            payloads += fragments(unit, largest: largest, cut: cut)
        }
        return payloads
    }

    private static func fragments(_ unit: [UInt8], largest: Int, cut: SyntheticVideo.Cut) -> [[UInt8]] {
        guard unit.count > largest, let header = unit.first else { return [unit] }
        var rest = unit.dropFirst()
        let sizes = cut.sizes(of: rest.count, room: largest - 2)
        return sizes.enumerated().map { index, size in
            let start: UInt8 = index == 0 ? 0x80 : 0
            let end: UInt8 = index == sizes.count - 1 ? 0x40 : 0
            defer { rest = rest.dropFirst(size) }
            return [header & 0xE0 | 28, start | end | header & 0x1F] + rest.prefix(size)
        }
    }
}
