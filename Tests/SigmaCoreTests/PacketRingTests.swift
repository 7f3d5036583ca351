import SigmaCore
import SigmaWire
import Testing

@Suite("PacketRing")
struct PacketRingTests {
    private func append(_ octets: [UInt8], index: UInt64, to ring: inout PacketRing) -> Bool {
        var packet = PacketRing.Packet()
        packet.index = index
        return unsafe ring.append(packet, octets.span.bytes)
    }

    @Test func `keeps the newest packets by their serial`() {
        var ring = PacketRing(capacity: 4)
        for number in 0..<6 as Range<UInt8> {
            let isKept = append([number, number], index: UInt64(number) + 100, to: &ring)
            #expect(isKept)
        }
        let serials = (ring.oldestSerial, ring.nextSerial)
        #expect(serials == (2, 6))
        let window = unsafe ring.window
        let indices = (0..<8).map { window.contains($0) ? window[$0].index : nil }
        #expect(indices == [nil, nil, 102, 103, 104, 105, nil, nil])
        for serial in 2..<6 as Range<UInt64> {
            let octets = window.octets(serial).array(0..<2)
            #expect(octets == [UInt8(serial), UInt8(serial)])
        }
    }

    @Test func `finds the first packet of a picture and its lowest index, of one stream`() {
        var ring = PacketRing(capacity: 8)
        for (stream, timestamp, index) in [
            (1, 90, 4), (2, 90, 20), (2, 80, 18), (2, 90, 21), (2, 70, 17), (2, 90, 19), (2, 95, 22),
        ] as [(UInt32, UInt32, UInt64)] {
            var packet = PacketRing.Packet()
            (packet.stream, packet.timestamp, packet.index) = (stream, timestamp, index)
            _ = unsafe ring.append(packet, [UInt8]([1]).span.bytes)
        }
        let found = ring.beginning(since: 90, stream: 2)
        #expect(found?.serial == 1 && found?.index == 19)
        let none = ring.beginning(since: 90, stream: 3)
        #expect(none == nil)
    }

    @Test func `refuses a packet that is too long and keeps what it had`() {
        var ring = PacketRing(capacity: 2)
        let lengths = [1, PacketRing.packetLimit + 1, PacketRing.packetLimit]
        let kept = lengths.map { append([UInt8](repeating: 0, count: $0), index: 1, to: &ring) }
        #expect(kept == [true, false, true])
        let next = ring.nextSerial
        #expect(next == 2)
    }

    /// Appends packets of 12 octets of header and a payload of these lengths.
    private func append(_ lengths: [Int], timestamp: UInt32, to ring: inout PacketRing) {
        for length in lengths {
            var packet = PacketRing.Packet()
            packet.timestamp = timestamp
            packet.payloadStart = 12
            packet.payloadLength = UInt16(length)
            _ = unsafe ring.append(packet, [UInt8](repeating: 7, count: 12 + length).span.bytes)
        }
    }

    @Test
    func `pads the packets of a picture to one length, but for a much shorter last one (RFC 3550 §5.1)`() {
        var ring = PacketRing(capacity: 16)
        append([1100, 1099, 1100, 1084, 300], timestamp: 1, to: &ring)
        append([900, 899], timestamp: 2, to: &ring)
        append([1488, 1488, 1487], timestamp: 3, to: &ring)
        ring.equalise()
        let window = unsafe ring.window
        let padding = (0..<10).map { window[$0].padding }
        #expect(padding == [0, 1, 0, 16, 0, 0, 0, 0, 0, 1])
        let padded = window.octets(3)
        let octets = padded.array(0..<padded.byteCount)
        #expect(octets.count == 12 + 1100)
        #expect(octets.suffix(17) == [7] + [UInt8](repeating: 0, count: 15) + [16])
        let untouched = window.octets(4).byteCount
        #expect(untouched == 312)
    }

    @Test func `pads what comes later in a picture to its length so far, and nothing twice`() {
        var ring = PacketRing(capacity: 16)
        append([1100], timestamp: 1, to: &ring)
        ring.equalise()
        append([1099, 1098], timestamp: 1, to: &ring)
        ring.equalise()
        append([1101, 1100], timestamp: 1, to: &ring)
        ring.equalise()
        append([1095], timestamp: 2, to: &ring)
        ring.equalise()
        let window = unsafe ring.window
        let lengths = (0..<6).map { Int(window[$0].payloadLength) + Int(window[$0].padding) }
        // The first ones may have been sent when a longer one came.
        #expect(lengths == [1100, 1100, 1100, 1101, 1101, 1095])
    }

    @Test func `goes on behind what was overwritten before anybody looked`() {
        var ring = PacketRing(capacity: 4)
        append([1100, 1099, 1098, 1097, 1096, 1095, 1094, 1093], timestamp: 1, to: &ring)
        ring.equalise()
        let window = unsafe ring.window
        let padding = (4..<8).map { window[$0].padding }
        #expect(padding == [0, 1, 2, 3])
    }

    @Test func `leaves alone what has no room, or other header extensions`() {
        var ring = PacketRing(capacity: 8)
        append([1481, 1481], timestamp: 1, to: &ring)
        for extensionCount in [0, 1] as [UInt8] {
            var packet = PacketRing.Packet()
            packet.timestamp = 1
            packet.extensionCount = extensionCount
            packet.payloadStart = 20
            packet.payloadLength = 1480
            _ = unsafe ring.append(packet, [UInt8](repeating: 7, count: 1500).span.bytes)
        }
        ring.equalise()
        let window = unsafe ring.window
        let padding = (0..<4).map { window[$0].padding }
        #expect(padding == [0, 0, 0, 0])
    }

    private func packet(_ index: UInt64, stream: UInt32 = 3) -> PacketRing.Packet {
        var packet = PacketRing.Packet()
        packet.index = index
        packet.stream = stream
        packet.timestamp = UInt32(index)
        return packet
    }

    @Test func `has nothing it never had when it has grown`() {
        var ring = PacketRing(capacity: 4, limit: 16)
        for index in 0..<10 as Range<UInt64> { _ = unsafe ring.append(packet(index), [1].span.bytes) }
        ring.keptSince = 7
        for index in 10..<12 as Range<UInt64> { _ = unsafe ring.append(packet(index), [1].span.bytes) }
        let (capacity, oldest) = (ring.capacity, ring.oldestSerial)
        #expect(capacity == 8 && oldest == 7)
        let start = unsafe ring.window.start
        #expect(start == 7)
        // Of an earlier stream there is nothing, though what was never filled says 0.
        let isThere = ring.beginning(since: 0, stream: 0) != nil
        #expect(!isThere)
        for index in 12..<20 as Range<UInt64> { _ = unsafe ring.append(packet(index), [1].span.bytes) }
        let later = (ring.capacity, ring.oldestSerial)
        #expect(later == (16, 7))
    }

    @Test func `finds a packet by its index while it is there, through growth and disorder`() {
        var ring = PacketRing(capacity: 4, limit: 8)
        for index in [70, 72, 71, 73] as [UInt64] { _ = unsafe ring.append(packet(index), [1].span.bytes) }
        ring.keptSince = 0
        for index in [74, 75] as [UInt64] { _ = unsafe ring.append(packet(index), [1].span.bytes) }
        let serials = (69...76).map { ring.serial(of: $0, stream: 3) }
        #expect(serials == [nil, 0, 2, 1, 3, 4, 5, nil])
        let other = ring.serial(of: 72, stream: 2)
        #expect(other == nil)
        for index in 76..<84 as Range<UInt64> { _ = unsafe ring.append(packet(index), [1].span.bytes) }
        let overwritten = ring.serial(of: 72, stream: 3)
        #expect(overwritten == nil)
    }
}
