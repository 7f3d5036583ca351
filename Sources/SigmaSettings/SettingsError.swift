/// A variable that stops the start, said in one line that names it and the remedy.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
    /// The name of the variable.
    package let variable: String
    /// What is wrong and what to set instead; one line.
    package let reason: String

    package init(variable: String, reason: String) {
        self.variable = variable
        self.reason = reason
    }

    package var description: String { "\(variable): \(reason)" }

    /// `value` in quotes, fit for one line: control characters escaped, at most 80 characters.
    static func quoted(_ value: some StringProtocol) -> String {
        let shown = value.count > 80 ? String(value.prefix(80)) + "…" : String(value)
        let escaped = shown.unicodeScalars.map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7f ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return "\"\(escaped.joined())\""
    }
}
