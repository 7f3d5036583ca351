/// The parsers that several variables share.
enum Parse {
    /// 1 to 65535, decimal digits only.
    static func port(_ text: some StringProtocol) -> UInt16? {
        guard let value = number(text), (1...65535).contains(value) else { return nil }
        return UInt16(value)
    }

    /// A decimal number without sign.
    static func number(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    /// The items between commas, trimmed; empty ones are skipped.
    static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
    }

    /// Parses each item of a list, or names the first that does not parse.
    static func list<Item: Sendable>(
        _ text: String, of item: (String) -> Item?, else reason: String
    ) -> Parsed<[Item]> {
        var items: [Item] = []
        for part in list(text) {
            guard let parsed = item(part) else {
                // What follows a bar is a credential.
                let shown = part.prefix { $0 != "|" }
                return .invalid("has the item \(SettingsError.quoted(shown)), which \(reason)")
            }
            items.append(parsed)
        }
        return .value(items)
    }

    /// `scheme://host` or `scheme://host:port` in lower case without a final slash, or `*`.
    static func origin(_ text: String) -> String? {
        if text == "*" { return text }
        var origin = text.lowercased()
        if origin.hasSuffix("/") { origin.removeLast() }
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            let host = origin.dropFirst(scheme.count)
            let isPlain = host.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7f && !Array("/?#@\"".utf8).contains($0)
            }
            return !host.isEmpty && isPlain ? origin : nil
        }
        return nil
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        var rest = text[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }
}
