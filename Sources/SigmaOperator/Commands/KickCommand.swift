import ArgumentParser
import SigmaControl
import SigmaStore

struct KickCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "kick",
        abstract: "End sessions, or all of a room.",
        discussion: """
            The peer hears that its session is over, and the history has who ended it. It may come back: a viewer's \
            page does so by itself. To keep somebody out, rotate the room's key.

            Exit status: 1 where one of the sessions was not there; the others are ended all the same.

            Examples:
              sigmactl kick 1042 1043
              sigmactl kick --room studio
            """)

    @Argument(help: "Numbers of sessions, as sigmactl sessions shows them.")
    var sessions: [String] = []

    @Option(help: "All of this room, its publisher too: its name or number.")
    var room: String?

    @OptionGroup var places: Places

    func validate() throws {
        guard sessions.isEmpty != (room == nil) else {
            throw ValidationError("Name sessions or a --room, one of the two.")
        }
    }

    func run(in context: OperatorContext) throws(OperatorError) {
        let media = try places.media(in: context)
        let reach = try Reach(media, places, in: context)
        var number: Int64?
        if let room { number = try reach.room(room) }
        let all = try reach.sessions(in: number)
        let names = try RoomNames(reach.database)
        var missing: [String] = []
        for (name, session) in chosen(from: all) {
            guard let session, let live = session.live, try media.kick(live.sessionID) else {
                missing.append(name)
                continue
            }
            context.write(
                line: "kicked \(session.label), a \(session.role) of \(Printable.text(names[session.room]))")
        }
        guard missing.isEmpty else {
            throw .notFound("sigma-media has no session \(missing.joined(separator: ", "))")
        }
        if let room, all.isEmpty { throw .notFound("there is no session in room \(room)") }
    }

    /// The sessions to end, each with the name that it was asked for by.
    private func chosen(from all: [KnownSession]) -> [(name: String, session: KnownSession?)] {
        guard room == nil else {
            return all.filter { $0.live != nil }.map { ($0.label, $0) }
        }
        return sessions.map { name in
            let found = all.filter { $0.isCalled(name) }
            // Digits that mean one by its number and another by its hash mean the former.
            return (name, found.first { $0.label == name } ?? (found.count == 1 ? found[0] : nil))
        }
    }
}
