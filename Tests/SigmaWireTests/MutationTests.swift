import SigmaTestKit
import SigmaWire
import Testing

/// Damaged datagrams from a fixed seed: whatever a parser takes is read to its end, and nothing traps.
@Suite("Every parser: a peer's error is a value")
struct MutationTests {
    private static let iterations = 10_000

    private func mutate(_ seeds: [[UInt8]], seed: UInt64, _ read: ([UInt8]) -> Bool) {
        var mutator = Mutator(seed: seed)
        var taken = 0
        for round in 0..<Self.iterations {
            if read(mutator.mutate(seeds[round % seeds.count])) { taken += 1 }
        }
        // Both ends of the parser were reached.
        #expect(taken > 0)
        #expect(taken < Self.iterations)
    }

    @Test func `damaged STUN messages are refused or read (RFC 8489 §6.3)`() {
        let plain = stunMessage(
            octets("00060004 41414141 00240004 6e0001ff 00250000 00200008 0001a147e112a643"))
        let seeds = [
            RFC5769Tests.request, RFC5769Tests.responseIPv4, RFC5769Tests.responseIPv6, plain, plain,
        ]
        mutate(seeds, seed: 1) { bytes in
            guard let message = try? STUNMessageView(bytes.span.bytes) else { return false }
            if let username = message.username {
                #expect(username.upperBound <= bytes.count)
            }
            if let offset = message.integrityOffset {
                #expect(offset + STUN.integrityAttributeLength <= bytes.count)
                let lengthField = message.integrityLengthField
                #expect(lengthField != nil)
            }
            return true
        }
    }

    @Test func `damaged RTP packets are refused or read, extensions too (RFC 3550, RFC 8285)`() throws {
        let seeds =
            [
                rtpPacket(first: 0x90, "bede0003 10aa 2201 0203 30bb 00 ffff aabb"),
                rtpPacket(first: 0xB2, "00000001 00000002 10000002 0100 0203010203 00 aabb0002"),
            ] + (try datagrams("ffmpeg-opus.bin"))
        mutate(seeds, seed: 2) { bytes in
            guard let packet = try? RTPPacketView(bytes.span.bytes) else { return false }
            let payload = packet.payloadRange
            #expect(payload.upperBound <= bytes.count)
            var walk = packet.headerExtensions
            var elements = 0
            while let element = walk.next(in: packet.bytes) {
                elements += 1
                let end = packet.extensionData.upperBound
                #expect(element.value.upperBound <= end)
            }
            #expect(elements <= bytes.count)
            return true
        }
    }

    @Test func `damaged RTCP compounds are refused whole or read whole (RFC 3550 A.2)`() {
        let seeds = [
            octets("80c90001 00000001 81ce0002 00000001 00000002"),
            octets("81c80006 00000001 0000000000000000 00000000 00000000 00000000")
                + octets("81cb0001 00000001"),
            octets("81c90007 00000001") + [UInt8](repeating: 7, count: 24)
                + octets("81ca0003 00000001 01036162 63000000"),
            octets("84ce0006 00000001 00000000 00000002 05000000 00000003 06000000"),
            octets("81cd0004 00000001 00000002 00010000 0002ffff a0c90002 00000001 00000004"),
        ]
        mutate(seeds, seed: 3) { bytes in
            guard let compound = try? RTCPCompoundView(bytes.span.bytes) else { return false }
            var packets = compound.packets
            while let packet = packets.next(in: compound) {
                #expect(packet.body.upperBound <= bytes.count)
                _ = SenderInfo(packet, in: compound)
                _ = FeedbackSources(packet, in: compound)
                for index in 0...32 {
                    _ = ReportBlock(index, of: packet, in: compound)
                    _ = FIREntry(index, of: packet, in: compound)
                    _ = NACKEntry(index, of: packet, in: compound)
                    _ = packet.leavingSource(index, in: compound)
                }
            }
            return true
        }
    }

    @Test func `damaged H.264 payloads are refused or read (RFC 6184 §5)`() throws {
        let real = try datagrams("ffmpeg-h264.bin").dropFirst().map { Array($0.dropFirst(12).prefix(80)) }
        let seeds = real + [octets("78 0004 6742c01f 0002 68ce 0003 658884"), octets("7c 85 88")]
        mutate(seeds, seed: 4) { bytes in
            guard let payload = try? H264Payload(bytes.span.bytes) else { return false }
            if let range = payload.sequenceParameterSet {
                #expect(range.upperBound <= bytes.count)
                _ = try? H264SequenceParameterSet(bytes.span.bytes.extracting(range))
            }
            return true
        }
    }

    @Test func `damaged parameter sets are refused or read (H.264 §7.3.2.1.1)`() throws {
        let names = [
            "baseline-1280x720", "main-1280x720", "high-1920x1080", "high-638x358", "interlaced-1920x1080",
            "high422-1920x1080", "interlaced422-854x480", "high444-1278x718", "gray-640x360",
        ]
        let seeds = try names.map { try parameterSet("sps-\($0).hex") }
        mutate(seeds, seed: 5) { bytes in
            guard let set = try? H264SequenceParameterSet(bytes.span.bytes) else { return false }
            #expect(set.width > 0 && set.height > 0)
            return true
        }
    }
}
