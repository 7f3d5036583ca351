import ArgumentParser
import SigmaStore
import SigmaSystem

struct BackupCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the database while it is in use.",
        discussion: """
            The copy is one moment of the database, with everything that was acknowledged until then; nobody waits for \
            it. It is checked as by sigmactl verify --offline, and its head is printed: kept elsewhere, that line is an \
            anchor. The file is for its owner alone, since it holds who was here. An existing file is not \
            overwritten.

            To go back to a copy, stop sigma-signal, put the copy in place of SIGMA_DATABASE, remove the files beside \
            it that end in -wal and -shm, and start sigma-signal.

            Example:
              sigmactl backup /var/backups/sigma-$(date +%F).sqlite
            """)

    @Argument(help: "The file to make.", completion: .file())
    var file: String

    @OptionGroup var places: Places

    func run(in context: OperatorContext) throws(OperatorError) {
        let database = try places.database(in: context)
        guard !Files.exists(file) else { throw .misuse("\(file) is there already; name a new file") }
        let copy = "\(file).partial"
        do throws(SystemError) { try Files.create(copy) } catch {
            throw error.isTaken
                ? .misuse("\(copy) is there already: a backup runs, or was cut short; remove it")
                : .unreachable("\(copy) cannot be made: \(error)")
        }
        let verification: Verification
        do throws(OperatorError) {
            try database.backup(to: copy)
            verification = try OperatorDatabase(path: copy, advice: nil).verify([])
            do { try Files.rename(copy, to: file) } catch {
                throw .unreachable("\(file) cannot be made: \(error)")
            }
        } catch {
            Files.remove(copy)
            throw error
        }
        let head = verification.head
        context.write(line: "\(file): \(Quantity.count(verification.rows, "row")) of history")
        context.write(line: "audit head \(head.sequence) \(head.hash.hexadecimal)")
        guard let fault = verification.fault else { return }
        context.note("the chain is broken, in the copy as in the database: \(fault.text)")
        throw .broken
    }
}
