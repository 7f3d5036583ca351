/// An IP address and a port.
///
/// IPv4 is held in its v4-mapped IPv6 form (RFC 4291 §2.5.5.2), so that one peer has one key whichever
/// socket it arrived on.
package struct Address: Hashable, Sendable, BitwiseCopyable {
    /// The first and the last 8 octets, host order.
    package var high: UInt64
    package var low: UInt64
    package var port: UInt16
    /// Interface index of a link-local address, else 0.
    package var scope: UInt32

    package init(high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
        self.high = high
        self.low = low
        self.port = port
        self.scope = scope
    }

    /// - Parameter v4: The address in host order: 127.0.0.1 is 0x7F00_0001.
    package init(v4: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(v4), port: port)
    }

    package static let unspecified = Address(high: 0, low: 0, port: 0)

    /// The IPv4 address in host order, `nil` for IPv6.
    package var v4: UInt32? {
        high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
    }

    package var isLoopback: Bool {
        if let v4 { return v4 >> 24 == 127 }
        return high == 0 && low == 1
    }

    /// 4 or 16 octets, network order.
    package var octets: [UInt8] {
        var octets: [UInt8] = []
        if let v4 {
            octets.append(bigEndian: v4)
        } else {
            octets.append(bigEndian: high)
            octets.append(bigEndian: low)
        }
        return octets
    }
}

extension Address: CustomStringConvertible {
    /// `192.0.2.1:5004` or `[2001:db8:0:0:0:0:0:7]:5004`, for logs.
    package var description: String {
        if let v4 {
            return "\(v4 >> 24).\(v4 >> 16 & 255).\(v4 >> 8 & 255).\(v4 & 255):\(port)"
        }
        let groups = [high, low].flatMap { half in
            [48, 32, 16, 0].map { String(half >> UInt64($0) & 0xFFFF, radix: 16) }
        }
        return "[\(groups.joined(separator: ":"))]:\(port)"
    }
}

/// A local and a remote transport address: what ICE selects and what media is sent on.
package struct Path: Hashable, Sendable, BitwiseCopyable {
    package var local: Address
    package var remote: Address
    /// The interface the peer's datagrams arrive on, 0 when the kernel did not say.
    package var interfaceIndex: UInt32

    package init(local: Address, remote: Address, interfaceIndex: UInt32 = 0) {
        self.local = local
        self.remote = remote
        self.interfaceIndex = interfaceIndex
    }

    // The interface is how to get there, not where it is: a path is its two addresses.
    package static func == (a: Path, b: Path) -> Bool { a.remote == b.remote && a.local == b.local }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(remote)
        hasher.combine(local)
    }
}
