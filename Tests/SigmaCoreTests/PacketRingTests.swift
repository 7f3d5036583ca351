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

    @Test func `refuses a packet that is too long and keeps what it had`() {
        var ring = PacketRing(capacity: 2)
        let lengths = [1, PacketRing.packetLimit + 1, PacketRing.packetLimit]
        let kept = lengths.map { append([UInt8](repeating: 0, count: $0), index: 1, to: &ring) }
        #expect(kept == [true, false, true])
        let next = ring.nextSerial
        #expect(next == 2)
    }
}
