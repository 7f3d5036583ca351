internal import CSigmaSystem
package import SigmaWire

extension Address {
    /// As the kernel writes it; IPv4 is v4-mapped, since our sockets are all IPv6.
    init(_ address: sockaddr_in6) {
        let (high, low) = address.sin6_addr.halves
        self.init(
            high: high, low: low, port: UInt16(bigEndian: address.sin6_port), scope: address.sin6_scope_id)
    }

    var sockaddr: sockaddr_in6 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6_addr(high: high, low: low)
        address.sin6_scope_id = scope
        return address
    }

    package var isLinkLocal: Bool { high >> 54 == 0x3FA }
}

extension in6_addr {
    init(high: UInt64, low: UInt64) {
        self.init()
        withUnsafeMutableBytes(of: &self) { octets in
            octets.storeBytes(of: high.bigEndian, as: UInt64.self)
            octets.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
    }

    var halves: (UInt64, UInt64) {
        withUnsafeBytes(of: self) { octets in
            (
                UInt64(bigEndian: octets.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }
}
