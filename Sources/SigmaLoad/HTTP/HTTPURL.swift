/// An `http://` URL, in the parts that a request needs.
package struct HTTPURL: Equatable, Sendable {
    package let host: String
    package let port: String
    /// Path and query, with the leading slash.
    package let target: String

    /// `nil` for anything but `http://host[:port][/path]`; IPv6 in brackets.
    package init?(_ text: String) {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst(7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(authority.count)
        let bracket = authority.lastIndex(of: "]")
        let colon = authority.lastIndex(of: ":").flatMap { colon in
            bracket.map { colon > $0 } ?? true ? colon : nil
        }
        let name = authority[..<(colon ?? authority.endIndex)]
        host = name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : String(name)
        port = colon.map { String(authority[authority.index(after: $0)...]) } ?? "80"
        target = path.hasPrefix("/") ? String(path) : "/" + path
        guard !host.isEmpty, UInt16(port) != nil else { return nil }
    }

    init(host: String, port: String, target: String) {
        self.host = host
        self.port = port
        self.target = target
    }

    /// What a `Location` that came from here means (RFC 3986 §5.2, as far as servers use it).
    package func resolve(_ location: String) -> HTTPURL? {
        if location.hasPrefix("http://") { return HTTPURL(location) }
        if location.hasPrefix("/") { return HTTPURL(host: host, port: port, target: location) }
        let folder = target.prefix { $0 != "?" }.reversed().drop { $0 != "/" }.reversed()
        return HTTPURL(host: host, port: port, target: String(folder) + location)
    }

    package var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":" + port }
}
