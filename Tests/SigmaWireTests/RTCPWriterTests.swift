import SigmaWire
import Testing

@Suite("RTCPWriter: RFC 3550 §6, RFC 4585 §6, RFC 5104 §4.3.1")
struct RTCPWriterTests {
    private let sender = SSRC(rawValue: 0x0102_0304)
    private let media = SSRC(rawValue: 0xFFFE_FDFC)

    private func compound(_ write: (inout RTCPWriter, inout MutableRawSpan) -> Void) -> [UInt8] {
        written { bytes in
            var writer = RTCPWriter()
            write(&writer, &bytes)
            return writer.length
        }
    }

    @Test func `a sender report is read back (RFC 3550 §6.4.1)`() throws {
        let info = SenderInfo(
            ssrc: sender, ntp: NTPTimestamp(rawValue: 0xE5A1_B2C3_D4E5_F607), rtpTimestamp: 0xFFFF_FFFF,
            packetCount: 4_000_000_000, octetCount: 1)
        let bytes = compound { $0.appendSenderReport(info, in: &$1) }
        #expect(bytes.count == 28)
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        let read = SenderInfo(packet, in: view)
        let block = ReportBlock(0, of: packet, in: view)
        #expect(read == info)
        #expect(block == nil)
    }

    @Test(arguments: [0, 1, -1, 8_388_607, -8_388_608] as [Int32])
    func `report blocks are read back, the loss with its sign (RFC 3550 §6.4.1)`(lost: Int32) throws {
        let blocks = (0..<3).map {
            ReportBlock(
                ssrc: SSRC(rawValue: $0), fractionLost: 255, cumulativeLost: lost,
                highestSequenceNumber: 0x0001_FFFF, jitter: 90000, lastSR: 0x1234_5678,
                delaySinceLastSR: 65536)
        }
        let bytes = compound { $0.appendReceiverReport(from: sender, blocks, in: &$1) }
        #expect(bytes.count == 8 + 24 * 3)
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        for (index, block) in blocks.enumerated() {
            let read = ReportBlock(index, of: packet, in: view)
            #expect(read == block)
        }
        let (before, after) = (ReportBlock(-1, of: packet, in: view), ReportBlock(3, of: packet, in: view))
        #expect(before == nil)
        #expect(after == nil)
    }

    @Test func `writes at most 31 report blocks (RFC 3550 §6.4.1)`() throws {
        let block = ReportBlock(
            ssrc: media, fractionLost: 0, cumulativeLost: 0, highestSequenceNumber: 0, jitter: 0, lastSR: 0,
            delaySinceLastSR: 0)
        let blocks = [ReportBlock](repeating: block, count: 40)
        let bytes = compound { $0.appendReceiverReport(from: sender, blocks, in: &$1) }
        #expect(bytes.count == 8 + 24 * 31)
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        #expect(packet.count == 31)
    }

    @Test func `a CNAME of any length ends with a zero octet, on a word (RFC 3550 §6.5)`() throws {
        for count in [0, 1, 2, 3, 4, 255, 300] {
            let cname = [UInt8](repeating: 0x61, count: count)
            let bytes = compound { $0.appendCNAME(cname, for: sender, in: &$1) }
            let kept = min(count, 255)
            #expect(bytes.count % 4 == 0)
            #expect(Array(bytes[8..<10]) == [1, UInt8(kept)])
            #expect(bytes[(10 + kept)...].allSatisfy { $0 == 0 })
            #expect((1...4).contains(bytes.count - 10 - kept))
            let thrown = error(bytes) { bytes throws(WireError) in _ = try RTCPCompoundView(bytes) }
            #expect(thrown == nil)
        }
    }

    @Test func `a BYE names its source (RFC 3550 §6.6)`() throws {
        let bytes = compound { $0.appendBye(media, in: &$1) }
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        let (first, second) = (packet.leavingSource(0, in: view), packet.leavingSource(1, in: view))
        #expect(first == media)
        #expect(second == nil)
    }

    @Test func `a PLI names sender and media (RFC 4585 §6.3.1)`() throws {
        let bytes = compound { $0.appendPictureLossIndication(from: sender, to: media, in: &$1) }
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        #expect(packet.isPictureLossIndication)
        #expect(!packet.isFullIntraRequest)
        #expect(!packet.isGenericNACK)
        let sources = FeedbackSources(packet, in: view)
        #expect(sources?.sender == sender)
        #expect(sources?.media == media)
    }

    @Test func `a FIR names the source in its entry, none in its header (RFC 5104 §4.3.1.2)`() throws {
        let bytes = compound {
            $0.appendFullIntraRequest(from: sender, to: media, sequenceNumber: 200, in: &$1)
        }
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        #expect(packet.isFullIntraRequest)
        let sources = FeedbackSources(packet, in: view)
        #expect(sources?.media == SSRC(rawValue: 0))
        let (first, second) = (FIREntry(0, of: packet, in: view), FIREntry(1, of: packet, in: view))
        #expect(first?.ssrc == media)
        #expect(first?.sequenceNumber == 200)
        #expect(second == nil)
    }

    @Test func `NACK entries are read back, at most 64 written (RFC 4585 §6.2.1)`() throws {
        let entries = (0..<70).map {
            NACKEntry(packetID: UInt16(65500 + $0 % 36), followingLost: UInt16($0))
        }
        let bytes = compound { $0.appendGenericNACK(from: sender, to: media, entries, in: &$1) }
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        let next = packets.next(in: view)
        let packet = try #require(next)
        #expect(packet.isGenericNACK)
        for index in 0..<64 {
            let read = NACKEntry(index, of: packet, in: view)
            #expect(read == entries[index])
        }
        let after = NACKEntry(64, of: packet, in: view)
        #expect(after == nil)
    }

    @Test func `packets written one after the other are one compound (RFC 3550 §6.1)`() throws {
        let bytes = compound { writer, bytes in
            writer.appendReceiverReport(from: sender, [], in: &bytes)
            writer.appendCNAME(Array("viewer".utf8), for: sender, in: &bytes)
            writer.appendPictureLossIndication(from: sender, to: media, in: &bytes)
            writer.appendBye(sender, in: &bytes)
        }
        let view = try RTCPCompoundView(bytes.span.bytes)
        var packets = view.packets
        var types: [UInt8] = []
        while let packet = packets.next(in: view) {
            types.append(packet.type)
            let info = SenderInfo(packet, in: view)
            #expect(info == nil)
        }
        #expect(types == [201, 202, 206, 203])
    }

    @Test func `NTP time keeps the nanosecond, its middle is LSR (RFC 3550 §4, §6.4.1)`() {
        let start = NTPTimestamp(unixNanoseconds: 1_700_000_000_123_456_789)
        #expect(start.rawValue >> 32 == 1_700_000_000 + 2_208_988_800)
        let since1900: Int64 = (1_700_000_000 + 2_208_988_800) * 1_000_000_000 + 123_456_789
        #expect(abs(start.nanoseconds - since1900) <= 1)
        #expect(NTPTimestamp(rawValue: 0x1122_3344_5566_7788).middle == 0x3344_5566)
        #expect(NTPTimestamp(unixNanoseconds: -1) == NTPTimestamp(unixNanoseconds: 0))
    }
}
