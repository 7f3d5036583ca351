/// The header of an outgoing stream, as far as it is the same for every packet: payload type, SSRC, MID.
///
/// Laid out once; a packet's own header is a copy with eight octets changed.
///
/// ```
/// |V|P|X|CC|M|PT| sequence number | timestamp | SSRC | 0xBEDE | words | MID | 0 … |
///      ▲    ▲          ▲               ▲
/// ```
///
/// - SeeAlso: RFC 3550 §5.1, RFC 8285 §4.2, RFC 9143 §15.1 (MID)
package struct RTPHeaderTemplate: BitwiseCopyable, Sendable {
    /// Room for a MID of 16 octets.
    private var octets = InlineArray<40, UInt8>(repeating: 0)
    /// Octets with the extension block.
    private var length = RTP.fixedHeaderLength
    /// Where the elements of the block end, before it is filled up to a word.
    private var elementsEnd = RTP.fixedHeaderLength + 4
    private var payloadType: UInt8 = 0

    package init() {}

    /// - Parameters:
    ///   - midID: The extension id of MID; 0 where it was not negotiated.
    ///   - mid: At most 16 octets.
    package init(payloadType: UInt8, ssrc: SSRC, midID: UInt8, mid: [UInt8]) {
        self.payloadType = payloadType
        var elements = octets.mutableSpan
        var bytes = unsafe elements.mutableBytes
        var writer = RTPExtensionWriter()
        writer.append(id: midID, unsafe mid.span.bytes, to: &bytes)
        elementsEnd = writer.elementsEnd
        length = writer.finish(in: &bytes)
        RTPHeader(marker: false, payloadType: payloadType, sequenceNumber: 0, timestamp: 0, ssrc: ssrc)
            .write(to: &bytes, hasExtension: length > RTP.fixedHeaderLength)
    }

    /// Writes the header of a packet that brings no extensions of its own.
    ///
    /// - Parameter bytes: At least 40 octets.
    /// - Returns: Where the payload begins.
    @_lifetime(bytes: copy bytes)
    package func write(
        _ packet: Fields, to bytes: inout MutableRawSpan
    ) -> Int {
        bytes.storeBytes(of: octets, as: InlineArray<40, UInt8>.self)
        let first = bytes.bytes.octet(at: 0) | (packet.hasPadding ? 0x20 : 0)
        bytes.storeBytes(of: first, as: UInt8.self)
        bytes.storeBytes(of: (packet.marker ? 0x80 : 0) | payloadType, toByteOffset: 1, as: UInt8.self)
        bytes.storeBytes(of: packet.sequenceNumber.bigEndian, toByteOffset: 2, as: UInt16.self)
        bytes.storeBytes(of: packet.timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        return length
    }

    /// Writes extensions behind those of the template, in a header that ``write(_:to:)`` has begun; end with
    /// ``finish(_:in:)``.
    package var extensionWriter: RTPExtensionWriter { RTPExtensionWriter(continuingAt: elementsEnd) }

    /// - Returns: Where the payload begins.
    @_lifetime(bytes: copy bytes)
    package func finish(_ writer: consuming RTPExtensionWriter, in bytes: inout MutableRawSpan) -> Int {
        let length = writer.finish(in: &bytes)
        if length > RTP.fixedHeaderLength {
            bytes.store(bigEndian: bytes.bytes.octet(at: 0) | 0x10, at: 0)
        }
        return length
    }

    /// What is a packet's own.
    package struct Fields {
        package var marker: Bool
        package var hasPadding: Bool
        package var sequenceNumber: UInt16
        package var timestamp: UInt32

        @inlinable package init(marker: Bool, hasPadding: Bool, sequenceNumber: UInt16, timestamp: UInt32) {
            self.marker = marker
            self.hasPadding = hasPadding
            self.sequenceNumber = sequenceNumber
            self.timestamp = timestamp
        }
    }
}
