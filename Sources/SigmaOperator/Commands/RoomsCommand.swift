import ArgumentParser
import FoundationEssentials
import SigmaStore

struct RoomsCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "rooms",
        abstract: "List the rooms.",
        discussion: """
            Watching counts the viewers that are connected, as the database knows them. Keys says whether the room has \
            a publish key and a watch key of its own.

            --json writes one object a line, named as the columns of the table room; of the keys only whether they are \
            set.

            Examples:
              sigmactl rooms
              sigmactl rooms --all --json | jq -r 'select(.is_lasting) | .name'
            """)

    @Flag(help: "Rooms that have ended too.")
    var all = false

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var places: Places

    func run(in context: OperatorContext) throws(OperatorError) {
        let database = try places.database(in: context)
        let rooms = try database.rooms(includingEnded: all)
        guard !json else {
            for room in rooms { context.write(json: room.json) }
            return
        }
        guard !rooms.isEmpty else {
            return context.note(
                all ? "there is no room" : "there is no room; --all shows those that have ended")
        }
        let sessions = Dictionary(grouping: try database.openSessions(), by: \.room)
        var table = Table([
            .text("NAME"), .number("NUMBER"), .text("PUBLISHER"), .number("WATCHING"), .text("KEYS"),
            .text("CREATED"), .text(all ? "ENDED" : "LAST LIVE"), .free("TITLE"),
        ])
        for room in rooms {
            let connected = (sessions[room.id] ?? []).filter { $0.connectedAt != nil }
            let last = all ? room.endedAt : room.lastLiveAt
            table.add([
                room.name, String(room.id),
                connected.last { $0.role == .publisher }.map { String($0.number) } ?? "",
                String(connected.count { $0.role == .viewer }), room.keysText,
                context.zone.text(room.createdAt), last.map { context.zone.text($0) } ?? "", room.title,
            ])
        }
        context.output.write(table.take(terminal: context.columns, style: context.style))
    }
}

extension StoredRoom {
    /// Which keys of its own it has.
    var keysText: String {
        [publishKey.map { _ in "publish" }, watchKey.map { _ in "watch" }].compactMap(\.self)
            .joined(separator: "+")
    }

    /// The columns of `room`; of the keys only whether there are any.
    var json: JSONText {
        .object([
            ("id", .integer(id)), ("name", .text(name)), ("title", .text(title)),
            ("is_lasting", .flag(isLasting)), ("publish_key", .flag(publishKey != nil)),
            ("watch_key", .flag(watchKey != nil)), ("created_at", .integer(createdAt)),
            ("created_by", .text(createdBy)), ("last_live_at", .optional(lastLiveAt)),
            ("ended_at", .optional(endedAt)),
        ])
    }
}
