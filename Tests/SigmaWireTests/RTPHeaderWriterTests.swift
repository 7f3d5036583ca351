import SigmaWire
import Testing

@Suite("RTPHeader and RTPExtensionWriter: RFC 3550 §5.1, RFC 8285 §4.2")
struct RTPHeaderWriterTests {
    private let header = RTPHeader(
        marker: true, payloadType: 111, sequenceNumber: 65535, timestamp: 0xFFFF_FFFE,
        ssrc: SSRC(rawValue: 0x8000_0001))

    @Test func `what it writes is read back`() throws {
        let bytes = written { bytes in
            header.write(to: &bytes, hasExtension: false)
            return 12
        }
        let packet = try RTPPacketView(bytes.span.bytes)
        let read = RTPHeader(
            marker: packet.marker, payloadType: packet.payloadType, sequenceNumber: packet.sequenceNumber,
            timestamp: packet.timestamp, ssrc: packet.ssrc)
        #expect(read == header)
    }

    @Test func `a payload type over 127 does not become a marker`() throws {
        var header = header
        header.marker = false
        header.payloadType = 0xFF
        let bytes = written { bytes in
            header.write(to: &bytes, hasExtension: false)
            return 12
        }
        let packet = try RTPPacketView(bytes.span.bytes)
        let (marker, payloadType) = (packet.marker, packet.payloadType)
        #expect(!marker)
        #expect(payloadType == 127)
    }

    @Test func `extensions are read back, padded to a word`() throws {
        let values: [(id: UInt8, value: [UInt8])] = [(4, [0x30]), (2, [1, 2, 3]), (14, Array(0..<16))]
        let bytes = written { bytes in
            header.write(to: &bytes, hasExtension: true)
            var writer = RTPExtensionWriter()
            for (id, value) in values { writer.append(id: id, value.span.bytes, to: &bytes) }
            return writer.finish(in: &bytes)
        }
        #expect(bytes.count == 12 + 4 + 24)
        let packet = try RTPPacketView(bytes.span.bytes)
        var walk = packet.headerExtensions
        for (id, value) in values {
            let next = walk.next(in: packet.bytes)
            let element = try #require(next)
            #expect(element.id == id)
            #expect(Array(bytes[element.value]) == value)
        }
        let end = walk.next(in: packet.bytes)
        #expect(end == nil)
    }

    @Test func `leaves out what the one-byte form cannot carry`() {
        let length = written { bytes in
            var writer = RTPExtensionWriter()
            writer.append(id: 0, [UInt8(1)].span.bytes, to: &bytes)
            writer.append(id: 15, [UInt8(1)].span.bytes, to: &bytes)
            writer.append(id: 3, [UInt8]().span.bytes, to: &bytes)
            writer.append(id: 3, [UInt8](repeating: 0, count: 17).span.bytes, to: &bytes)
            return writer.finish(in: &bytes)
        }.count
        #expect(length == RTP.fixedHeaderLength)
    }

    @Test func `leaves out an element that does not fit the buffer`() {
        var buffer = [UInt8](repeating: 0, count: 20)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        var writer = RTPExtensionWriter()
        writer.append(id: 1, [UInt8(1), 2].span.bytes, to: &bytes)
        writer.append(id: 2, [UInt8(1), 2].span.bytes, to: &bytes)
        let end = writer.finish(in: &bytes)
        #expect(end == 20)
    }
}
