/// An address to offer as host candidate, as `SIGMA_ADVERTISE` names it.
package struct AdvertisedAddress: Sendable, Hashable {
    package let address: IPAddress
    /// The port outside a mapping; `nil` means the one media listens on.
    package let port: UInt16?

    package init(address: IPAddress, port: UInt16?) {
        self.address = address
        self.port = port
    }

    /// Parses `192.0.2.1`, `192.0.2.1:5004`, `2001:db8::1` or `[2001:db8::1]:5004`.
    package init?(parsing text: some StringProtocol) {
        if let address = IPAddress(parsing: text) {
            self.init(address: address, port: nil)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Parse.port(text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon]
        guard host.hasPrefix("[") == host.contains(":"), let address = IPAddress(parsing: host) else {
            return nil
        }
        self.init(address: address, port: port)
    }
}
