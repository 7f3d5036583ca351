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
        let indices = (0..<8).map { ring.packet($0)?.index }
        #expect(indices == [nil, nil, 102, 103, 104, 105, nil, nil])
        for serial in 2..<6 as Range<UInt64> {
            let octets = ring.withOctets(serial) { $0.array(0..<$0.byteCount) }
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
}
