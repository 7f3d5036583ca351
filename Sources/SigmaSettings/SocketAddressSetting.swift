/// An address and a port to listen on.
package struct SocketAddressSetting: Sendable, Equatable {
    package let address: IPAddress
    package let port: UInt16

    /// - Parameter text: `address:port` or `[v6]:port`; the port may be 0, for any.
    package init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let address = IPAddress(parsing: String(text[..<colon])),
            address.isIPv4 || text.hasPrefix("["),
            let port = Parse.number(String(text[text.index(after: colon)...])).flatMap({ UInt16(exactly: $0) }
            )
        else { return nil }
        self.address = address
        self.port = port
    }
}
