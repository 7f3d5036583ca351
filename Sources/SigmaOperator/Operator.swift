import ArgumentParser

struct OperatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sigmactl")
}

/// Runs the command line of this process.
package func runOperator() { OperatorCommand.main() }
