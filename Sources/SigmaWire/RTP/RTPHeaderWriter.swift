/// Writes the fixed RTP header and a one-byte header extension block (RFC 3550 §5.1, RFC 8285 §4.2).
package struct RTPHeader: Equatable, Sendable {
    package var marker: Bool
    package var payloadType: UInt8
    package var sequenceNumber: UInt16
    package var timestamp: UInt32
    package var ssrc: SSRC

    package init(
        marker: Bool, payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, ssrc: SSRC
    ) {
        self.marker = marker
        self.payloadType = payloadType
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.ssrc = ssrc
    }

    /// Writes the fixed 12 octets.
    ///
    /// - Parameters:
    ///   - bytes: At least 12 octets.
    ///   - hasExtension: Sets the X bit; the caller writes the block.
    ///   - hasPadding: Sets the P bit; the caller writes the padding.
    @_lifetime(bytes: copy bytes)
    package func write(to bytes: inout MutableRawSpan, hasExtension: Bool, hasPadding: Bool = false) {
        let first: UInt8 = 0x80 | (hasPadding ? 0x20 : 0) | (hasExtension ? 0x10 : 0)
        bytes.store(bigEndian: first, at: 0)
        bytes.store(bigEndian: (marker ? 0x80 : 0) | payloadType & 0x7F, at: 1)
        bytes.store(bigEndian: sequenceNumber, at: 2)
        bytes.store(bigEndian: timestamp, at: 4)
        bytes.store(bigEndian: ssrc.rawValue, at: 8)
    }
}

/// Writes one-byte header extensions behind the fixed header.
///
/// ```
/// |  0xBE  |  0xDE  |  length in words   |  ID |L-1|  value …  | 0 … |
/// ```
package struct RTPExtensionWriter: Sendable {
    private let start: Int
    private var offset: Int

    /// - Parameter start: Where the block begins: ``RTP/fixedHeaderLength`` without CSRCs.
    package init(at start: Int = RTP.fixedHeaderLength) {
        self.start = start
        offset = start + 4
    }

    /// Goes on behind elements that are there already, the block right behind the fixed header.
    init(continuingAt offset: Int) {
        start = RTP.fixedHeaderLength
        self.offset = offset
    }

    /// Where the next element begins.
    var elementsEnd: Int { offset }

    /// Adds an element; leaves it out when its id, its length or the space forbid it.
    ///
    /// - Parameters:
    ///   - id: 1 to 14.
    ///   - value: 1 to 16 octets.
    @_lifetime(bytes: copy bytes)
    package mutating func append(id: UInt8, _ value: RawSpan, to bytes: inout MutableRawSpan) {
        guard (1...14).contains(id), (1...16).contains(value.byteCount),
            offset + 1 + value.byteCount <= bytes.byteCount
        else { return }
        bytes.store(bigEndian: id << 4 | UInt8(value.byteCount - 1), at: offset)
        bytes.copy(value, to: offset + 1)
        offset += 1 + value.byteCount
    }

    /// Pads to a word and writes the block's header.
    ///
    /// - Returns: Where the payload begins; ``RTP/fixedHeaderLength`` when nothing was added.
    @_lifetime(bytes: copy bytes)
    package mutating func finish(in bytes: inout MutableRawSpan) -> Int {
        guard offset > start + 4 else { return start }
        while (offset - start) % 4 != 0 {
            guard offset < bytes.byteCount else { return start }
            bytes.store(bigEndian: UInt8(0), at: offset)
            offset += 1
        }
        bytes.store(bigEndian: RTP.oneByteProfile, at: start)
        bytes.store(bigEndian: UInt16((offset - start - 4) / 4), at: start + 2)
        return offset
    }
}
