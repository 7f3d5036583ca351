package import SigmaSettings

/// Tells which address a request comes from, behind trusted proxies too, and whether it has limits.
package struct ClientOrigin: Sendable {
    private let proxies: [IPPrefix]
    private let unlimited: [IPPrefix]

    /// - Parameters:
    ///   - proxies: Whose word on the client's address is taken.
    ///   - unlimited: Clients without limits.
    package init(proxies: [IPPrefix], unlimited: [IPPrefix]) {
        self.proxies = proxies
        self.unlimited = unlimited
    }

    package func isProxy(_ address: IPAddress) -> Bool {
        proxies.contains { $0.contains(address) }
    }

    /// The address that limits count; `nil` for a proxy that names no client, and for those without limits.
    package func limited(_ address: IPAddress) -> IPAddress? {
        isProxy(address) || unlimited.contains { $0.contains(address) } ? nil : address.subnet
    }

    /// The client: the nearest address that is no trusted proxy.
    ///
    /// Each proxy adds its peer on the right, so only what stands right of the first stranger is true.
    /// Forwarded counts where there is no X-Forwarded-For: a proxy that writes one of them passes on the
    /// other as the client made it, and the older one is what proxies write.
    ///
    /// - Parameters:
    ///   - peer: Whom the connection is from.
    ///   - forwardedFor: The values of X-Forwarded-For, in order.
    ///   - forwarded: The values of Forwarded (RFC 7239), in order.
    package func client(peer: IPAddress, forwardedFor: [String], forwarded: [String]) -> IPAddress {
        guard isProxy(peer) else { return peer }
        let hops = forwardedFor.isEmpty ? Self.nodes(forwarded) : Self.items(forwardedFor, separator: ",")
        var nearest = peer
        for hop in hops.reversed() {
            guard isProxy(nearest), let address = Self.address(hop) else { break }
            nearest = address
        }
        return nearest
    }

    /// The `for` of each element of Forwarded (RFC 7239 §4); empty where an element has none.
    private static func nodes(_ values: [String]) -> [String] {
        items(values, separator: ",").map { element in
            let pairs = items([element], separator: ";").map { pair in
                pair.split(separator: "=", maxSplits: 1).map { String($0).trimmingBlanks }
            }
            let node = pairs.last { $0.count == 2 && $0[0].lowercased() == "for" }?[1] ?? ""
            return node.filter { $0 != "\"" }
        }
    }

    private static func items(_ values: [String], separator: Character) -> [String] {
        values.flatMap { value in
            value.split(separator: separator, omittingEmptySubsequences: false)
                .map { String($0).trimmingBlanks }
        }
    }

    /// An address with or without a port, `[2001:db8::1]:4711`; `nil` for `unknown` and obfuscated names.
    private static func address(_ text: String) -> IPAddress? {
        AdvertisedAddress(parsing: text)?.address
    }
}
