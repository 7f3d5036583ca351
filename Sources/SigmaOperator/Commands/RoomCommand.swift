import ArgumentParser
import SigmaStore

struct RoomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "room", abstract: "Look at one room.", subcommands: [RoomShowCommand.self])
}

struct RoomShowCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a room: what it is, who is in it, what happened last.",
        discussion: """
            The sessions are those of now, with their state as sigma-media has it; without sigma-media, as the \
            database has it. A room that has ended is shown too, as long as it is kept.

            Examples:
              sigmactl room show studio
              sigmactl room show 3407872 --events 50
            """)

    @Argument(help: "Its name or number.")
    var room: String

    @Option(help: ArgumentHelp("The last rows of its history to show.", valueName: "count"))
    var events = 10

    @OptionGroup var places: Places

    func validate() throws {
        guard (0...100_000).contains(events) else { throw ValidationError("--events is 0 to 100000.") }
    }

    func run(in context: OperatorContext) throws(OperatorError) {
        let database = try places.database(in: context)
        let room = try database.room(room)
        context.output.write(facts(of: room, context.zone).text(context.style))
        let sessions = try Reach(places, in: context).sessions(in: room.id)
        if !sessions.isEmpty {
            context.output.write("\n" + (try sessions.text(nil, clients: database, in: context)))
        }
        var filter = HistoryFilter()
        filter.room = room.id
        filter.isDescending = true
        filter.limit = events
        let records = try database.history(filter)
        guard !records.isEmpty else { return }
        context.output.write("\n")
        var writer = HistoryWriter(.table, try RoomNames(nil), isOfOneRoom: true, in: context)
        writer.write(records.reversed())
    }

    private func facts(of room: StoredRoom, _ zone: LocalTime) -> Facts {
        var facts = Facts()
        facts.add("Room", room.name)
        facts.add("Number", String(room.id))
        facts.add("Title", room.title.isEmpty ? nil : room.title)
        facts.add("Lasts", room.isLasting ? "until it is ended" : "as long as its publisher")
        facts.add("Publish key", room.publishKey == nil ? "none: the server's token publishes" : "set")
        facts.add("Watch key", room.watchKey == nil ? "none: anybody watches" : "set")
        facts.add("Created", "\(zone.text(room.createdAt)) by \(room.createdBy)")
        facts.add("Last live", room.lastLiveAt.map { zone.text($0) })
        facts.add("Ended", room.endedAt.map { zone.text($0) })
        return facts
    }
}
