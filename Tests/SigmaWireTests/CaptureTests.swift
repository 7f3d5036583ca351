import SigmaWire
import Testing

/// What FFmpeg really sends, read by every parser on the way.
@Suite("Captures: RFC 3550, RFC 6184")
struct CaptureTests {
    @Test(arguments: [("ffmpeg-h264.bin", UInt8(96), 49), ("ffmpeg-opus.bin", 97, 26)])
    func `real streams are RTP in order, after one sender report`(
        name: String, payloadType: UInt8, count: Int
    ) throws {
        let stream = try datagrams(name)
        #expect(stream.count == count + 1)
        let report = try #require(stream.first)
        #expect(DatagramKind(report.span.bytes) == .rtcp)
        let compound = try RTCPCompoundView(report.span.bytes)
        var packets = compound.packets
        let next = packets.next(in: compound)
        let first = try #require(next)
        let found = SenderInfo(first, in: compound)
        let info = try #require(found)
        #expect(info.packetCount == 0)

        var highest: UInt64?
        for bytes in stream.dropFirst() {
            #expect(DatagramKind(bytes.span.bytes) == .rtp)
            let packet = try RTPPacketView(bytes.span.bytes)
            let header = (packet.payloadType, packet.ssrc, packet.payloadRange.upperBound)
            #expect(header == (payloadType, info.ssrc, bytes.count))
            let index = SequenceNumber.extend(
                packet.sequenceNumber, near: highest ?? UInt64(packet.sequenceNumber))
            if let highest { #expect(index == highest + 1) }
            highest = index
        }
    }

    @Test func `a real H.264 stream has two keyframes, each behind its parameter sets`() throws {
        var keyframes = 0
        var sizes: [[Int]] = []
        var pictures = 0
        for bytes in try datagrams("ffmpeg-h264.bin").dropFirst() {
            let packet = try RTPPacketView(bytes.span.bytes)
            let payload = try H264Payload(packet.payload)
            if packet.marker { pictures += 1 }
            if let range = payload.sequenceParameterSet {
                #expect(payload.pictureParameterSet != nil)
                let set = try H264SequenceParameterSet(packet.payload.extracting(range))
                #expect(set.profileLevelID >> 16 == 66)
                sizes.append([set.width, set.height])
            }
            if payload.startsIDR {
                keyframes += 1
                #expect(sizes.count == keyframes)
            }
        }
        #expect(keyframes == 2)
        #expect(pictures == 30)
        #expect(sizes == [[320, 180], [320, 180]])
    }
}
