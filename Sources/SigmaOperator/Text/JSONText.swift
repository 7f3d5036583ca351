/// A JSON value (RFC 8259) whose members are written in the order given.
package enum JSONText {
    case null
    case flag(Bool)
    case integer(Int64)
    case count(UInt64)
    case text(String)
    case list([JSONText])
    case object([(name: String, value: JSONText)])
    /// Text that is JSON already.
    case verbatim(String)

    static func optional(_ number: Int64?) -> JSONText { number.map { .integer($0) } ?? .null }
    static func optional(_ text: String?) -> JSONText { text.map { .text($0) } ?? .null }

    package var rendered: String {
        switch self {
        case .null: "null"
        case .flag(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .count(let number): String(number)
        case .text(let text): Self.quoted(text)
        case .list(let values): "[\(values.map(\.rendered).joined(separator: ","))]"
        case .object(let members):
            "{\(members.map { "\(Self.quoted($0.name)):\($0.value.rendered)" }.joined(separator: ","))}"
        case .verbatim(let text): text
        }
    }

    /// The same value with everything escaped that acts on a terminal: in JSON such a character is inside a string.
    package static func withoutControls(_ json: String) -> String {
        guard json.unicodeScalars.contains(where: Printable.isActing) else { return json }
        var escaped = ""
        for scalar in json.unicodeScalars { append(scalar, to: &escaped) }
        return escaped
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            default: append(scalar, to: &quoted)
            }
        }
        return quoted + "\""
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
        guard Printable.isActing(scalar) else {
            text.unicodeScalars.append(scalar)
            return
        }
        for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
}
