import SigmaWire
import Testing

@Suite("RTPExtensionWriter: RFC 8285 §4.2")
struct RTPExtensionWriterTests {
    @Test func `an element reads as it was given`() throws {
        let bytes = written { raw in
            let header = RTPHeader(
                marker: false, payloadType: 96, sequenceNumber: 1, timestamp: 2, ssrc: SSRC(rawValue: 3))
            header.write(to: &raw, hasExtension: true)
            var writer = RTPExtensionWriter()
            writer.append(id: 5, [UInt8(7), 8, 9].span.bytes, to: &raw)
            return writer.finish(in: &raw)
        }
        let packet = try RTPPacketView(bytes.span.bytes)
        var walk = packet.headerExtensions
        let found = walk.next(in: packet.bytes)
        let element = try #require(found)
        #expect(element.id == 5)
        #expect(Array(bytes[element.value]) == [7, 8, 9])
    }

    @Test(arguments: [(UInt8(0), 1), (15, 1), (1, 0), (1, 17)])
    func `an id or a length that the one-byte form has not is left out`(id: UInt8, count: Int) {
        let bytes = written { raw in
            var writer = RTPExtensionWriter()
            writer.append(id: id, [UInt8](repeating: 1, count: count).span.bytes, to: &raw)
            return writer.finish(in: &raw)
        }
        #expect(bytes.count == RTP.fixedHeaderLength)
    }

    @Test func `an element that does not fit is left out`() {
        var bytes = [UInt8](repeating: 0, count: 18)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        var writer = RTPExtensionWriter()
        writer.append(id: 1, [UInt8(1), 1].span.bytes, to: &raw)
        let end = writer.finish(in: &raw)
        #expect(end == RTP.fixedHeaderLength)
    }

    @Test func `24 bits are written as they are read`() {
        let bytes = written { raw in
            raw.store(bigEndian24: 0xFF12_3456, at: 1)
            return 4
        }
        #expect(bytes == octets("a5123456"))
        let read = bytes.span.bytes.bigEndian24(at: 1)
        #expect(read == 0x12_3456)
    }
}
