import ArgumentParser
import Glibc
import SigmaSystem

/// Runs the command line of this process and ends it.
package func runOperator() -> Never {
    let output = ProcessOutput()
    let context = OperatorContext(
        environment: ProcessEnvironment.variables(), output: output,
        columns: StandardStream.output.terminalColumns, zone: .system,
        now: { SystemClock.unix() / 1_000_000 },
        input: { () throws(OperatorError) in
            do { return try StandardStream.input.octets() } catch {
                throw .unreachable("standard input: \(error)")
            }
        }, hasLocalHome: Files.exists(".sigma"))
    let status = Operator.run(Array(CommandLine.arguments.dropFirst()), in: context)
    output.flush()
    exit(status == 0 && output.hasFailed ? 2 : status)
}

/// The command line of an operator.
package enum Operator {
    /// Runs one command.
    ///
    /// - Parameter arguments: Without the name of the program.
    /// - Returns: The exit status: 0, 1 (broken, or nothing found), 2 (not reachable), 64 (misuse).
    package static func run(_ arguments: [String], in context: OperatorContext) -> Int32 {
        do {
            var command = try OperatorCommand.parseAsRoot(arguments)
            if let command = command as? any OperatorSubcommand {
                try command.run(in: context)
            } else {
                try command.run()
            }
            return 0
        } catch let error as OperatorError {
            if let line = error.line { context.note(Printable.text(line)) }
            return error.status
        } catch {
            let status = OperatorCommand.exitCode(for: error).rawValue
            let text = OperatorCommand.fullMessage(for: error, columns: context.columns)
            if status == 0 {
                context.write(line: text)
            } else {
                context.output.complain(text)
            }
            return status
        }
    }
}

/// A command that runs in a context instead of in this process.
protocol OperatorSubcommand: ParsableCommand {
    func run(in context: OperatorContext) throws(OperatorError)
}

/// The streams of this process.
private final class ProcessOutput: OperatorOutput {
    private var waiting: [UInt8] = []
    private(set) var hasFailed = false

    func write(_ text: String) {
        waiting += Array(text.utf8)
        if waiting.count >= 1 << 16 { flush() }
    }

    func complain(_ line: String) {
        flush()
        try? StandardStream.error.write(Array("\(line)\n".utf8))
    }

    func isRead(after milliseconds: Int) -> Bool {
        !hasFailed && !StandardStream.output.isHungUp(within: milliseconds)
    }

    func flush() {
        defer { waiting = [] }
        guard !waiting.isEmpty, !hasFailed else { return }
        do { try StandardStream.output.write(waiting) } catch {
            hasFailed = true
            try? StandardStream.error.write(Array("sigmactl: standard output: \(error)\n".utf8))
        }
    }
}
