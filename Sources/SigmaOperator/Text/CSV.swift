/// Comma-separated values (RFC 4180).
package enum CSV {
    /// One record with its end.
    package static func line(_ fields: [String]) -> String {
        fields.map(field).joined(separator: ",") + "\r\n"
    }

    private static func field(_ text: String) -> String {
        // By octets: for Swift a CR and a LF are one character.
        guard text.utf8.contains(where: { special.contains($0) }) else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    private static let special = Array("\",\r\n".utf8)
}
