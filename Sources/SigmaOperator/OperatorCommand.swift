import ArgumentParser
import SigmaSettings

struct OperatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sigmactl",
        abstract: "See and steer a Sigma server from its own machine.",
        discussion: """
            It reads the database, which it never changes, and asks sigma-media over its control socket.

            Examples:
              sigmactl rooms
              sigmactl room show studio
              sigmactl sessions --room studio
              sigmactl kick 1042
              sigmactl history --room studio --since 2h
              sigmactl history --kind kicked --kind key_rotated --json | jq .body
              sigmactl verify
              journalctl -u sigma-media | sigmactl verify --anchors -
              sigmactl backup /var/backups/sigma-$(date +%F).sqlite

            A ROOM is its name or its number; where one room's name is another's number, it is the name. A SESSION is \
            its number, or the eight hexadecimal digits that stand for one the database does not know.

            Environment:
              SIGMA_DATABASE      the database (/var/lib/sigma/sigma.sqlite)
              SIGMA_RUNTIME_DIR   the folder of control.sock (/run/sigma)
              NO_COLOR            not empty: nothing bold or coloured on a terminal

            Exit status:
              0    all is well
              1    the chain is broken (verify), or there is no such room or session
              2    sigma-media or the database cannot be reached, or a file not be written
              64   misuse

            Completion: sigmactl --generate-completion-script bash, or zsh, or fish.
            """,
        version: "sigmactl \(sigmaVersion)",
        subcommands: [
            RoomsCommand.self, RoomCommand.self, SessionsCommand.self, HistoryCommand.self,
            VerifyCommand.self, KickCommand.self, StatsCommand.self, BackupCommand.self,
        ])
}

/// Where the services are, for all commands alike.
struct Places: ParsableArguments {
    @Option(help: "The database, instead of SIGMA_DATABASE.", completion: .file())
    var database: String?

    @Option(
        name: .customLong("runtime-dir"), help: "The folder of control.sock, instead of SIGMA_RUNTIME_DIR.",
        completion: .directory)
    var runtimeDirectory: String?

    func database(in context: OperatorContext) throws(OperatorError) -> OperatorDatabase {
        try OperatorDatabase(path: settings(in: context).databasePath, advice: advice(in: context))
    }

    func media(in context: OperatorContext) throws(OperatorError) -> MediaLink {
        try MediaLink(path: settings(in: context).controlSocketPath, advice: advice(in: context))
    }

    private func settings(in context: OperatorContext) throws(OperatorError) -> OperatorSettings {
        var environment = context.environment
        if let database { environment["SIGMA_DATABASE"] = database }
        if let runtimeDirectory { environment["SIGMA_RUNTIME_DIR"] = runtimeDirectory }
        do { return try OperatorSettings(environment: environment) } catch {
            throw .misuse("\(error)")
        }
    }

    /// Added to an error where nothing says where the services are and `tools/run` was here.
    private func advice(in context: OperatorContext) -> String? {
        let isSaid =
            ["SIGMA_DATABASE", "SIGMA_RUNTIME_DIR"].contains { !(context.environment[$0] ?? "").isEmpty }
            || database != nil || runtimeDirectory != nil
        guard !isSaid, context.hasLocalHome else { return nil }
        return "for tools/run, set SIGMA_DATABASE=.sigma/sigma.sqlite SIGMA_RUNTIME_DIR=.sigma/run"
    }
}
