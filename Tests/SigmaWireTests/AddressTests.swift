import SigmaWire
import Testing

@Suite("Address and Path: RFC 4291")
struct AddressTests {
    private static let v4 = Address(v4: 0xC000_0201, port: 5004)
    private static let v6 = Address(high: 0x2001_0DB8_0000_0000, low: 7, port: 5004)

    @Test func `IPv4 is held in its mapped form (RFC 4291 §2.5.5.2)`() {
        #expect(Self.v4.high == 0)
        #expect(Self.v4.low == 0xFFFF_C000_0201)
        #expect(Self.v4.v4 == 0xC000_0201)
        #expect(Self.v6.v4 == nil)
    }

    @Test func `octets are in network order, 4 or 16`() {
        #expect(Self.v4.octets == octets("c0000201"))
        #expect(Self.v6.octets == octets("20010db8000000000000000000000007"))
    }

    @Test(
        arguments: [
            (Address(v4: 0x7F00_0001, port: 1), true), (Address(v4: 0x7FFF_FFFF, port: 1), true),
            (Address(v4: 0x8000_0001, port: 1), false), (Address(high: 0, low: 1, port: 1), true),
            (Address(high: 0, low: 2, port: 1), false), (Address(high: 1, low: 1, port: 1), false),
        ])
    func `loopback is 127.0.0.0/8 and ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3)`(
        address: Address, isLoopback: Bool
    ) {
        #expect(address.isLoopback == isLoopback)
    }

    @Test func `is written with its port, IPv6 in brackets (RFC 3986 §3.2.2)`() {
        #expect(Self.v4.description == "192.0.2.1:5004")
        #expect(Self.v6.description == "[2001:db8:0:0:0:0:0:7]:5004")
    }

    @Test func `the interface is no part of a path`() {
        let path = Path(local: Self.v4, remote: Self.v6, interfaceIndex: 1)
        let other = Path(local: Self.v4, remote: Self.v6, interfaceIndex: 2)
        #expect(path == other)
        #expect(Set([path, other]).count == 1)
        #expect(path != Path(local: Self.v6, remote: Self.v4))
    }
}
