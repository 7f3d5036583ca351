/// One environment variable: its name, default, meaning and parser.
package struct Variable<Value: Sendable>: Sendable {
    package let name: String
    /// What counts when the variable is absent or empty; `nil` where one must be given.
    package let fallback: String?
    /// One line for `--help`.
    package let help: String
    /// Gives the value or says, to follow the value in one line, what would be right.
    let parse: @Sendable (String) -> Parsed<Value>
    /// Whether an error may show the value.
    var isSecret = false

    /// The value that `environment` gives it.
    ///
    /// - Throws: ``SettingsError`` for a value that does not parse, or a required one that is missing.
    package func value(in environment: [String: String]) throws(SettingsError) -> Value {
        let given = Parse.trimmed(environment[name] ?? "")
        guard let text = given.isEmpty ? fallback : given else {
            throw SettingsError(variable: name, reason: "is not set; set it to the \(help)")
        }
        switch parse(text) {
        case .value(let value):
            return value
        case .invalid(let reason):
            let shown = isSecret ? "the value" : SettingsError.quoted(text)
            throw SettingsError(variable: name, reason: "\(shown) \(reason)")
        }
    }

    package var summary: VariableSummary {
        VariableSummary(name: name, fallback: fallback, help: help)
    }
}

/// What `--help` says of a variable.
package struct VariableSummary: Sendable, Equatable {
    package let name: String
    package let fallback: String?
    package let help: String
}

/// The outcome of parsing one value.
enum Parsed<Value: Sendable>: Sendable {
    case value(Value)
    /// Continues the sentence that begins with the value.
    case invalid(String)

    init(_ value: Value?, else reason: String) {
        if let value { self = .value(value) } else { self = .invalid(reason) }
    }
}
