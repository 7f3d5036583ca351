import SigmaSettings
import SigmaSignal
import Testing

@Suite("ClientOrigin: who a request is from, behind proxies")
struct ClientOriginTests {
    private let origin = ClientOrigin(
        proxies: ["10.0.0.0/8", "2001:db8:aaaa::/48"].compactMap { IPPrefix(parsing: $0) },
        unlimited: ["127.0.0.0/8", "192.0.2.128/25"].compactMap { IPPrefix(parsing: $0) })

    private func client(_ peer: String, forwardedFor: [String] = [], forwarded: [String] = []) throws
        -> String
    {
        let peer = try #require(IPAddress(parsing: peer))
        return origin.client(peer: peer, forwardedFor: forwardedFor, forwarded: forwarded).description
    }

    @Test(
        arguments: [
            ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["1.2.3.4", "198.51.100.1 , 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["10.0.0.7, 10.0.0.2"], "10.0.0.7"),
            ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
            ("2001:db8:aaaa::1", ["::ffff:198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
            ("10.0.0.1", ["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
        ] as [(String, [String], String)])
    func `of X-Forwarded-For the rightmost that is no proxy of ours counts`(
        peer: String, values: [String], expected: String
    ) throws {
        #expect(try client(peer, forwardedFor: values) == expected)
    }

    @Test(
        arguments: [
            (["for=198.51.100.1"], "198.51.100.1"),
            (["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (["for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http"], "198.51.100.17"),
            (["proto=https; for=\"198.51.100.1:80\" ;host=x", "for=10.0.0.9"], "198.51.100.1"),
            (["for=_hidden"], "10.0.0.1"), (["by=10.0.0.1"], "10.0.0.1"),
            (["for=198.51.100.1, x"], "10.0.0.1"),
        ] as [([String], String)])
    func `Forwarded names clients too (RFC 7239 §4)`(values: [String], expected: String) throws {
        #expect(try client("10.0.0.1", forwarded: values) == expected)
        #expect(
            try client("10.0.0.1", forwardedFor: ["192.0.2.9"], forwarded: values) == "192.0.2.9")
        #expect(try client("203.0.113.9", forwarded: values) == "203.0.113.9")
    }

    @Test func `proxies themselves and the unlimited have no limits`() throws {
        func limited(_ text: String) -> String? {
            IPAddress(parsing: text).flatMap { origin.limited($0) }?.description
        }
        #expect(limited("10.1.1.1") == nil)
        #expect(limited("127.0.0.1") == nil)
        #expect(limited("::ffff:192.0.2.200") == nil)
        #expect(limited("192.0.2.1") == "192.0.2.1")
        #expect(limited("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::")
    }
}
