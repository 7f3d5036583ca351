/// A STUN or TURN server that clients are told of in `Link` headers (RFC 9725 §4.6).
package struct ICEServer: Sendable, Hashable {
    /// `stun:host:port` (RFC 7064) or `turn:host:port?transport=udp` (RFC 7065).
    package let url: String
    package let username: String?
    package let credential: Secret?

    /// Parses `stun:host:port` or `turn:host:port?transport=udp|username|credential`.
    ///
    /// The parts must be printable ASCII; TURN needs user name and credential, STUN takes none.
    package init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false)
        guard let url = parts.first, let isTURN = Self.isTURN(url) else { return nil }
        guard parts.count == (isTURN ? 3 : 1), parts.allSatisfy({ !$0.isEmpty && Self.isPrintable($0) })
        else {
            return nil
        }
        self.url = String(url)
        username = isTURN ? String(parts[1]) : nil
        credential = isTURN ? Secret(String(parts[2])) : nil
    }

    /// `nil` where the URL is none of STUN or TURN.
    private static func isTURN(_ url: some StringProtocol) -> Bool? {
        guard let colon = url.firstIndex(of: ":") else { return nil }
        let scheme = url[..<colon].lowercased()
        var host = url[url.index(after: colon)...]
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !Self.notInURL.contains($0) }) else {
            return nil
        }
        let isTURN = scheme == "turn" || scheme == "turns"
        guard isTURN || scheme == "stun" || scheme == "stuns" else { return nil }
        if let query = host.firstIndex(of: "?") {
            guard isTURN, ["transport=udp", "transport=tcp"].contains(host[query...].dropFirst()) else {
                return nil
            }
            host = host[..<query]
        }
        return Self.isHost(host) ? isTURN : nil
    }

    /// `host`, `host:port`, `[v6]` or `[v6]:port`.
    private static func isHost(_ text: some StringProtocol) -> Bool {
        var host = text[...]
        let end = text.hasPrefix("[") ? text.firstIndex(of: "]") ?? text.startIndex : text.startIndex
        if let colon = text[end...].lastIndex(of: ":") {
            guard Parse.port(text[text.index(after: colon)...]) != nil else { return false }
            host = text[..<colon]
        }
        if host.hasPrefix("[") { return IPAddress(parsing: host) != nil }
        return !host.isEmpty && !host.contains(":")
    }

    private static func isPrintable(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
    }

    /// `"`, `<`, `>`, `/`, `@` and `\`: they would end the header field or make it another kind of URL.
    private static let notInURL: [UInt8] = [0x22, 0x3c, 0x3e, 0x2f, 0x40, 0x5c]
}
