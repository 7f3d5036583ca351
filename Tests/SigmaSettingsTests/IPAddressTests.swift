import SigmaSettings
import Testing

@Suite("IPAddress: RFC 4291 §2.2, RFC 5952")
struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("[::]", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("[2001:db8::1]", "2001:db8::1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func `reads the forms of RFC 4291 §2.2 and writes those of RFC 5952 §4`(text: String, canonical: String) {
        #expect(IPAddress(parsing: text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "+1.2.3.4", "1..2.3", "localhost",
        ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::",
        "+1::", "-1::", "fe80::1%eth0", "[::", "::]", "[]", "[1.2.3.4]", "::1.2.3", "1.2.3.4::",
        ":1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:", "１.2.3.4",
    ])
    func `refuses what is no address`(text: String) {
        #expect(IPAddress(parsing: text) == nil)
    }

    @Test func `holds IPv4 mapped in 16 octets (RFC 4291 §2.5.5.2)`() throws {
        let address = try #require(IPAddress(parsing: "192.0.2.1"))
        #expect(address.octets == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1])
        #expect(address.shortestOctets == [192, 0, 2, 1])
        #expect(IPAddress(octets: address.octets) == address)
        #expect(IPAddress(octets: address.shortestOctets) == address)
        #expect(IPAddress(octets: [1, 2, 3]) == nil)
    }

    @Test func `knows the special ranges (RFC 6890)`() {
        #expect(IPAddress(parsing: "127.1.2.3")?.isLoopback == true)
        #expect(IPAddress(parsing: "::1")?.isLoopback == true)
        #expect(IPAddress(parsing: "128.0.0.1")?.isLoopback == false)
        #expect(IPAddress(parsing: "0.0.0.0")?.isUnspecified == true)
        #expect(IPAddress(parsing: "::")?.isUnspecified == true)
        #expect(IPAddress(parsing: "fe80::1")?.isLinkLocal == true)
        #expect(IPAddress(parsing: "febf::1")?.isLinkLocal == true)
        #expect(IPAddress(parsing: "fec0::1")?.isLinkLocal == false)
        #expect(IPAddress(parsing: "169.254.1.1")?.isLinkLocal == true)
        #expect(IPAddress(parsing: "239.1.1.1")?.isMulticast == true)
        #expect(IPAddress(parsing: "ff02::1")?.isMulticast == true)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
        ("10.1.2.3/8", "10.9.9.9", true),
        ("::1", "::1", true), ("::1", "::2", false), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false),
        ("::/0", "1.2.3.4", true), ("192.0.2.1/32", "192.0.2.1", true),
        ("2001:db8::8000:0/97", "2001:db8::1", false),
    ])
    func `a prefix holds its addresses (RFC 4632 §3.1)`(prefix: String, address: String, isInside: Bool)
        throws
    {
        let prefix = try #require(IPPrefix(parsing: prefix))
        let address = try #require(IPAddress(parsing: address))
        #expect(prefix.contains(address) == isInside)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "/8", "10.0.0.0/8/8", "ten/8"])
    func `refuses what is no prefix`(text: String) {
        #expect(IPPrefix(parsing: text) == nil)
    }
}
