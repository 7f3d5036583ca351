/// The synchronisation source that one RTP stream is known by (RFC 3550 §3).
package struct SSRC: Hashable, Sendable, BitwiseCopyable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
}

package enum RTP {
    package static let version: UInt8 = 2
    /// Octets before the CSRC list.
    package static let fixedHeaderLength = 12
    /// "defined by profile" of a one-byte header extension (RFC 8285 §4.2).
    package static let oneByteProfile: UInt16 = 0xBEDE
    /// The same for two-byte ones; the low 4 bits are "appbits" (RFC 8285 §4.3).
    package static let twoByteProfile: UInt16 = 0x1000

    /// Octets before the payload, CSRC list and extension included; `nil` when they run past the end.
    ///
    /// The header alone can be read from a packet that is still encrypted.
    package static func headerLength(of packet: RawSpan) -> Int? {
        guard packet.byteCount >= fixedHeaderLength else { return nil }
        let first = packet.octet(at: 0)
        var length = fixedHeaderLength + 4 * Int(first & 0x0F)
        if first & 0x10 != 0 {
            guard packet.byteCount >= length + 4 else { return nil }
            length += 4 + 4 * Int(packet.bigEndian(UInt16.self, at: length + 2))
        }
        return length <= packet.byteCount ? length : nil
    }
}

/// One RTP packet, read where it lies in the receive buffer.
///
/// Checked once, on creation; every accessor after that is a load. It cannot outlive the buffer it
/// borrows, so nothing is copied and nothing needs to be freed.
///
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |                             SSRC                              |
/// |                  CSRC × CC, extension if X                    |
/// ```
///
/// - SeeAlso: RFC 3550 §5.1 (header), RFC 8285 §4 (header extensions)
package struct RTPPacketView: ~Escapable {
    package let bytes: RawSpan
    /// Octets from the start of the packet to the first payload octet.
    package let headerLength: Int
    /// Octets at the end that are padding, its own count octet included; 0 without padding.
    package let paddingLength: Int
    /// The extension data, without its 4-octet header; empty without one.
    package let extensionData: Range<Int>
    /// "defined by profile"; 0 without an extension.
    package let extensionProfile: UInt16

    /// - Throws: ``WireError/truncated(needed:available:)`` when the CSRC list, the extension block or
    ///   the padding run past the end; ``WireError/malformed(_:)`` when V ≠ 2 or the padding count is 0.
    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) throws(WireError) {
        try bytes.require(RTP.fixedHeaderLength)
        guard bytes.octet(at: 0) >> 6 == RTP.version else { throw .malformed(.version) }

        var end = RTP.fixedHeaderLength + 4 * Int(bytes.octet(at: 0) & 0x0F)
        var extensionData = end..<end
        var profile: UInt16 = 0
        if bytes.octet(at: 0) & 0x10 != 0 {
            try bytes.require(end + 4)
            profile = bytes.bigEndian(UInt16.self, at: end)
            let length = 4 * Int(bytes.bigEndian(UInt16.self, at: end + 2))
            extensionData = (end + 4)..<(end + 4 + length)
            end += 4 + length
        }
        try bytes.require(end)

        var padding = 0
        if bytes.octet(at: 0) & 0x20 != 0 {
            padding = Int(bytes.octet(at: bytes.byteCount - 1))
            guard padding > 0, end + padding <= bytes.byteCount else { throw .malformed(.padding) }
        }

        self.bytes = bytes
        self.headerLength = end
        self.paddingLength = padding
        self.extensionData = extensionData
        self.extensionProfile = profile
    }

    /// Last packet of a video frame, or first of a talkspurt.
    package var marker: Bool { bytes.octet(at: 1) & 0x80 != 0 }
    package var payloadType: UInt8 { bytes.octet(at: 1) & 0x7F }
    /// Wraps at 2¹⁶; extend it with ``SequenceNumber``, never compare with `<`.
    package var sequenceNumber: UInt16 { bytes.bigEndian(UInt16.self, at: 2) }
    /// In ticks of the codec's clock rate (90 kHz for video).
    package var timestamp: UInt32 { bytes.bigEndian(UInt32.self, at: 4) }
    package var ssrc: SSRC { SSRC(rawValue: bytes.bigEndian(UInt32.self, at: 8)) }

    /// Where the payload lies, padding left out.
    package var payloadRange: Range<Int> { headerLength..<(bytes.byteCount - paddingLength) }

    package var payload: RawSpan {
        @_lifetime(copy self)
        get { bytes.extracting(payloadRange) }
    }

    /// The header extensions, in their order (RFC 8285 §4.2, §4.3).
    package var headerExtensions: RTPHeaderExtensions {
        RTPHeaderExtensions(range: extensionData, profile: extensionProfile)
    }
}

/// Walks the elements of an RTP header extension; stops at the first one that runs past the block.
///
/// Holds offsets, not octets, so it can outlive no buffer: the octets are passed to ``next(in:)``.
package struct RTPHeaderExtensions: Sendable {
    private var offset: Int
    private let end: Int
    private let form: Form

    private enum Form { case none, oneByte, twoByte }

    package init(range: Range<Int>, profile: UInt16) {
        offset = range.lowerBound
        end = range.upperBound
        if profile == RTP.oneByteProfile {
            form = .oneByte
        } else {
            form = profile & 0xFFF0 == RTP.twoByteProfile ? .twoByte : .none
        }
    }

    package struct Element: Equatable, Sendable {
        /// 1 to 14 in the one-byte form, 1 to 255 in the two-byte form.
        package let id: UInt8
        package let value: Range<Int>
    }

    package mutating func next(in bytes: RawSpan) -> Element? {
        guard form != .none, end <= bytes.byteCount else { return nil }
        while offset < end {
            let first = bytes.octet(at: offset)
            // A zero octet is padding in both forms.
            if first == 0 {
                offset += 1
                continue
            }
            let id: UInt8
            let start: Int
            let length: Int
            switch form {
            case .oneByte:
                id = first >> 4
                // Id 15, and id 0 with a length, end the processing of the whole block (RFC 8285 §4.2).
                guard id != 15, id != 0 else { return finish() }
                start = offset + 1
                length = Int(first & 0x0F) + 1
            case .twoByte:
                guard offset + 1 < end else { return finish() }
                id = first
                start = offset + 2
                length = Int(bytes.octet(at: offset + 1))
            case .none:
                return nil
            }
            guard start + length <= end else { return finish() }
            offset = start + length
            return Element(id: id, value: start..<(start + length))
        }
        return nil
    }

    private mutating func finish() -> Element? {
        offset = end
        return nil
    }
}
