import SigmaWire
import Testing

@Suite("DatagramKind: RFC 7983 §7, RFC 5761 §4")
struct DatagramKindTests {
    @Test(arguments: [
        (0...3, DatagramKind.stun), (4...19, .unknown), (20...63, .dtls), (64...127, .unknown),
        (128...191, .rtp), (192...255, .unknown),
    ])
    func `the first octet decides (RFC 7983 §7)`(range: ClosedRange<Int>, kind: DatagramKind) {
        for first in range {
            let bytes = [UInt8(first), 0]
            #expect(DatagramKind(bytes.span.bytes) == kind, "first octet \(first)")
        }
    }

    @Test func `packet types 192 to 223 are RTCP, all others RTP (RFC 5761 §4)`() {
        for second in UInt8.min...UInt8.max {
            let bytes = [UInt8(0x80), second]
            let kind: DatagramKind = (192...223).contains(second) ? .rtcp : .rtp
            #expect(DatagramKind(bytes.span.bytes) == kind, "second octet \(second)")
        }
    }

    @Test func `nothing can be told from fewer than two octets`() {
        #expect(DatagramKind([UInt8]().span.bytes) == .unknown)
        #expect(DatagramKind([UInt8(0x80)].span.bytes) == .unknown)
        #expect(DatagramKind([UInt8(0)].span.bytes) == .unknown)
    }
}
