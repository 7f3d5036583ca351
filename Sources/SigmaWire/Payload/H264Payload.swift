/// What one RTP payload of H.264 carries, as far as forwarding needs to know.
///
/// - SeeAlso: RFC 6184 §5.6 (single NAL unit), §5.7.1 (STAP-A), §5.8 (FU-A)
package struct H264Payload: Equatable, Sendable {
    /// The first octets of an IDR slice are in it.
    package private(set) var startsIDR = false
    /// Any part of a slice that is no IDR's is in it.
    package private(set) var containsOtherPicture = false
    /// The first octets of a B slice are in it: the picture was sent after one that is shown later.
    package private(set) var startsBSlice = false
    /// Something in it is needed by other pictures: nal_ref_idc is not 0 (ITU-T H.264 §7.4.1).
    package private(set) var isReference = false
    /// Where the sequence parameter set lies, its NAL header included, within the payload.
    package private(set) var sequenceParameterSet: Range<Int>?
    package private(set) var pictureParameterSet: Range<Int>?

    package var carriesParameterSets: Bool { sequenceParameterSet != nil || pictureParameterSet != nil }

    package enum NALType {
        /// Slices and data partitions of pictures that are no IDR (ITU-T H.264 table 7-1).
        package static let otherPictures: ClosedRange<UInt8> = 1...4
        /// Those of them that begin with a slice header: a whole slice, or its data partition A.
        package static let sliceHeads: ClosedRange<UInt8> = 1...2
        package static let idr: UInt8 = 5
        package static let sps: UInt8 = 7
        package static let pps: UInt8 = 8
        package static let stapA: UInt8 = 24
        package static let fuA: UInt8 = 28
    }

    /// - Throws: ``WireError/malformed(_:)`` for what packetization-mode 1 forbids (RFC 6184 §6.3):
    ///   STAP-B, MTAP, FU-B, nested aggregation, an FU with both S and E set;
    ///   ``WireError/truncated(needed:available:)`` for aggregated units that run past the end.
    package init(_ payload: RawSpan) throws(WireError) {
        try payload.require(1)
        switch payload.octet(at: 0) & 0x1F {
        case 1...23:
            note(header: payload.octet(at: 0), unit: 0..<payload.byteCount, isStart: true)
            noteSlice(header: payload.octet(at: 0), payload.extracting(1..<payload.byteCount))
        case NALType.stapA:
            try readAggregation(payload)
        case NALType.fuA:
            try payload.require(2)
            let fragment = payload.octet(at: 1)
            guard fragment & 0xC0 != 0xC0, (1...23).contains(fragment & 0x1F) else {
                throw .malformed(.nalUnit)
            }
            let header = payload.octet(at: 0) & 0xE0 | fragment & 0x1F
            note(header: header, unit: nil, isStart: fragment & 0x80 != 0)
            if fragment & 0x80 != 0 { noteSlice(header: header, payload.extracting(2..<payload.byteCount)) }
        default:
            throw .malformed(.nalUnit)
        }
    }

    private mutating func readAggregation(_ payload: RawSpan) throws(WireError) {
        var offset = 1
        try payload.require(4)
        while offset < payload.byteCount {
            try payload.require(offset + 2)
            let length = Int(payload.bigEndian(UInt16.self, at: offset))
            let unit = (offset + 2)..<(offset + 2 + length)
            try payload.require(unit.upperBound)
            guard length > 0 else { throw .malformed(.nalUnit) }
            let header = payload.octet(at: unit.lowerBound)
            guard (1...23).contains(header & 0x1F) else { throw .malformed(.nalUnit) }
            note(header: header, unit: unit, isStart: true)
            noteSlice(header: header, payload.extracting((unit.lowerBound + 1)..<unit.upperBound))
            offset = unit.upperBound
        }
    }

    private mutating func note(header: UInt8, unit: Range<Int>?, isStart: Bool) {
        isReference = isReference || header & 0x60 != 0
        switch header & 0x1F {
        case NALType.otherPictures: containsOtherPicture = true
        case NALType.idr: startsIDR = startsIDR || isStart
        case NALType.sps: sequenceParameterSet = sequenceParameterSet ?? unit
        case NALType.pps: pictureParameterSet = pictureParameterSet ?? unit
        default: break
        }
    }

    /// A slice whose header cannot be read is left to the decoders.
    private mutating func noteSlice(header: UInt8, _ slice: RawSpan) {
        guard NALType.sliceHeads.contains(header & 0x1F), let slice = try? H264SliceHeader(slice) else {
            return
        }
        startsBSlice = startsBSlice || slice.type == .b
    }
}
