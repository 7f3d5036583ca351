/// The version of all programs of this package.
package let sigmaVersion = "0.1.0"

/// What the first argument of a program asks for.
package enum Invocation: Sendable, Equatable {
    case run
    /// Print this text and exit with status 0.
    case print(String)
    /// Print this line to standard error and exit with status 64 (EX_USAGE).
    case misuse(String)

    /// - Parameters:
    ///   - arguments: Those of the process, without its name.
    ///   - program: Its name, such as `sigma-media`.
    ///   - purpose: One line.
    ///   - variables: The table of its settings.
    package init(arguments: [String], program: String, purpose: String, variables: [VariableSummary]) {
        switch arguments.first {
        case nil:
            self = .run
        case "--help", "-h":
            self = .print(Self.help(program: program, purpose: purpose, variables: variables))
        case "--version":
            self = .print("\(program) \(sigmaVersion)")
        case .some(let other):
            self = .misuse(
                "\(program): \(SettingsError.quoted(other)) is not an option; see \(program) --help")
        }
    }

    private static func help(program: String, purpose: String, variables: [VariableSummary]) -> String {
        let width = (variables.map { $0.name.count }.max() ?? 0) + 2
        var lines = [
            "\(program) \(sigmaVersion): \(purpose)", "", "Usage: \(program) [--help | --version]", "",
            "Settings are environment variables; an empty one counts as unset.", "",
        ]
        for variable in variables {
            let padding = String(repeating: " ", count: width - variable.name.count)
            let value =
                variable.fallback.map { $0.isEmpty ? "default: empty" : "default: \($0)" } ?? "required"
            lines.append("  \(variable.name)\(padding)\(variable.help) (\(value))")
        }
        return lines.joined(separator: "\n")
    }
}

/// Variables named `SIGMA_…` that no program of this package reads: most likely misspelt.
///
/// - Returns: Their names in order, for one warning line each.
package func unknownVariables(in environment: [String: String]) -> [String] {
    let known = Set((MediaSettings.variables + SignalSettings.variables).map(\.name))
    return environment.keys.filter { $0.hasPrefix("SIGMA_") && !known.contains($0) }.sorted()
}
