import ArgumentParser
import SigmaStore

struct SessionsCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List publishers and viewers.",
        discussion: """
            State is what sigma-media says: connecting, securing, connected, live (a publisher whose media comes) or \
            disconnected. A session is lost that the database has as open and sigma-media does not have; sigma-signal \
            will end it when it is back. Without sigma-media the state is what the database knows: opened or connected. \
            A session that the database does not know is called by eight digits of the hash of its id.

            --json writes one object a line, named as the columns of the tables session and session_client, and state \
            (null where sigma-media does not have the session). Times are Unix time in milliseconds.

            Examples:
              sigmactl sessions --room studio
              sigmactl sessions --all --limit 20
              sigmactl sessions --json | jq -r 'select(.role == "viewer") | .address' | sort | uniq -c
            """)

    @Option(help: "Only of this room: its name or number.")
    var room: String?

    @Flag(help: "Sessions that have ended too, the newest --limit of them.")
    var all = false

    @Option(help: ArgumentHelp("How many that have ended to show.", valueName: "count"))
    var limit = 100

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var places: Places

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit is 1 or more.") }
    }

    func run(in context: OperatorContext) throws(OperatorError) {
        let reach = try Reach(places, in: context)
        var number: Int64?
        if let room { number = try reach.room(room) }
        let sessions = try reach.sessions(in: number, ended: try ended(in: number, reach.database))
        guard !json else {
            for session in sessions {
                context.write(json: session.json(try session.client(in: reach.database)))
            }
            return
        }
        guard !sessions.isEmpty else { return context.note("there is no session") }
        let names = try RoomNames(reach.database)
        context.output.write(try sessions.text(names, clients: reach.database, in: context))
    }

    private func ended(
        in room: Int64?, _ database: OperatorDatabase?
    ) throws(OperatorError) -> [StoredSession] {
        guard all, let database else { return [] }
        var filter = SessionFilter()
        filter.room = room
        filter.isOpen = false
        filter.limit = limit
        return try database.sessions(filter).reversed()
    }
}
