/// A value of a report, as JSON or as text for a table.
package indirect enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case count(Int)
    /// With that many digits behind the point at most.
    case number(Double, digits: Int)
    case text(String)
    case object([Member])
    case array([JSON])

    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    static func orNull(_ value: Int?) -> JSON { value.map { JSON.count($0) } ?? .null }

    static func orNull(_ value: Double?, digits: Int) -> JSON {
        value.map { JSON.number($0, digits: digits) } ?? .null
    }

    /// RFC 8259.
    package var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .count(let value): "\(value)"
        case .number(let value, let digits): Self.text(value, digits)
        case .text(let text): "\"\(Self.escape(text))\""
        case .object(let members):
            "{" + members.map { "\"\($0.name)\":\($0.value.text)" }.joined(separator: ",") + "}"
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        }
    }

    /// Without an exponent and without zeros at the end.
    private static func text(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
        guard let scaled = Int(exactly: (value * Double(scale)).rounded()) else { return "null" }
        let whole = scaled.magnitude / scale.magnitude
        var fraction = String(scaled.magnitude % scale.magnitude)
        fraction = String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        return (scaled < 0 ? "-" : "") + "\(whole)" + (fraction.isEmpty ? "" : "." + fraction)
    }

    /// RFC 8259 §7.
    private static func escape(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case _ where scalar.value < 32: escaped += " "
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }

    /// For a table: members of an object side by side.
    var cell: String {
        switch self {
        case .null: "–"
        case .text(let text): text
        case .object(let members): members.map { "\($0.name) \($0.value.cell)" }.joined(separator: "  ")
        case .array(let values): values.map(\.cell).joined(separator: "; ")
        case .bool, .count, .number: text
        }
    }
}
