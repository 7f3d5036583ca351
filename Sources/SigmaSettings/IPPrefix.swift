/// A range of addresses, `192.0.2.0/24` or `2001:db8::/32`; a bare address is a range of one.
package struct IPPrefix: Sendable, Hashable, CustomStringConvertible {
    private let network: IPAddress
    /// In bits of the 16-octet form.
    private let length: Int

    /// Parses CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3); bits after the prefix are ignored.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(parsing: first) else { return nil }
        let width = address.isIPv4 ? 32 : 128
        var bits = width
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let given = Int(parts[1]),
                given <= width
            else { return nil }
            bits = given
        }
        length = 128 - width + bits
        network = address.masked(toFirst: length)
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.masked(toFirst: length) == network
    }

    package var description: String { "\(network)/\(network.isIPv4 ? length - 96 : length)" }
}
