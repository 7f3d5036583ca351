import ArgumentParser
import SigmaStore

struct HistoryCommand: OperatorSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show what happened, from the audit.",
        discussion: """
            The newest --limit rows that match, the oldest of them first.

            WHEN is 2026-11-21, "2026-11-21 15:30", 2026-11-21T15:30:00, the same with Z or +01:00 behind it (else it \
            is local time), or how long ago: 90s, 30m, 2h, 7d.

            --json writes one object a line with the columns seq, body and hash; body is the object that was hashed, as \
            it stands in the database. --csv writes RFC 4180 with the columns seq, time (UTC), kind, room, session, \
            body, hash.

            Kinds: \(AuditKind.allCases.map(\.rawValue).joined(separator: ", ")).

            Examples:
              sigmactl history --follow
              sigmactl history --room studio --since "2026-11-21 20:00" --until "2026-11-21 23:00"
              sigmactl history --kind kicked --kind key_rotated --limit 0
              sigmactl history --limit 0 --csv > history.csv
            """)

    @Option(help: "Only of this room: its name or number.")
    var room: String?

    @Option(help: "Only of the session with this number.")
    var session: Int64?

    @Option(
        help: "Only of this kind; may be given more than once.",
        completion: .list(AuditKind.allCases.map(\.rawValue)))
    var kind: [String] = []

    @Option(help: ArgumentHelp("Rows at or after this time.", valueName: "when"))
    var since: String?

    @Option(help: ArgumentHelp("Rows before this time.", valueName: "when"))
    var until: String?

    @Option(help: ArgumentHelp("How many rows; 0: all.", valueName: "count"))
    var limit = 100

    @Flag(help: "The newest first.")
    var reverse = false

    @Flag(help: "Then go on with what is added, until interrupted.")
    var follow = false

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "Comma-separated values.")
    var csv = false

    @OptionGroup var places: Places

    func validate() throws {
        guard (0...1_000_000_000).contains(limit) else {
            throw ValidationError("--limit is 0 (all) to 1000000000.")
        }
        guard !(json && csv) else { throw ValidationError("--json and --csv exclude each other.") }
        guard !follow || (!reverse && until == nil) else {
            throw ValidationError("--follow goes with neither --reverse nor --until.")
        }
        for kind in kind where AuditKind(rawValue: kind) == nil {
            throw ValidationError("'\(kind)' is no kind; sigmactl history --help names all of them.")
        }
    }

    func run(in context: OperatorContext) throws(OperatorError) {
        let database = try places.database(in: context)
        let filter = try filter(database, in: context)
        var writer = HistoryWriter(
            json ? .json : csv ? .csv : .table, try RoomNames(database), in: context)
        guard follow else {
            if try writeNewest(filter, database, &writer, in: context) == nil, !json, !csv {
                context.note("there is no such row")
            }
            return
        }
        try follow(filter, database, &writer, in: context)
    }

    private func filter(
        _ database: OperatorDatabase, in context: OperatorContext
    ) throws(OperatorError) -> HistoryFilter {
        var filter = HistoryFilter()
        if let room { filter.room = try database.roomNumber(room) }
        filter.session = session
        filter.kinds = kind
        filter.since = try time(since, "--since", in: context)
        filter.until = try time(until, "--until", in: context)
        return filter
    }

    private func time(
        _ text: String?, _ option: String, in context: OperatorContext
    ) throws(OperatorError) -> Int64? {
        guard let text else { return nil }
        guard let time = context.zone.parse(text, now: context.now()) else {
            throw .misuse(
                "\(option) '\(text)' is no time; use one such as 2026-11-21T15:30, or 2h for two hours ago")
        }
        return time
    }

    /// - Returns: The last row of the chain that was written; `nil` where none was.
    private func writeNewest(
        _ filter: HistoryFilter, _ database: OperatorDatabase, _ writer: inout HistoryWriter,
        in context: OperatorContext
    ) throws(OperatorError) -> Int64? {
        guard limit > 0 else { return try writeAll(filter, database, &writer) }
        var newest = filter
        newest.isDescending = true
        // One more tells whether there are more.
        newest.limit = limit + 1
        var records = try database.history(newest)
        let hasMore = records.count > limit
        if hasMore { records.removeLast() }
        if !reverse { records.reverse() }
        if !records.isEmpty { writer.write(records) }
        if hasMore { context.note("these are the newest \(limit) rows; --limit 0 shows all") }
        return records.map(\.sequence).max()
    }

    /// Page by page, so that neither memory nor a reader that is slow holds up who writes the database.
    ///
    /// - Returns: As ``writeNewest(_:_:_:in:)``.
    private func writeAll(
        _ filter: HistoryFilter, _ database: OperatorDatabase, _ writer: inout HistoryWriter
    ) throws(OperatorError) -> Int64? {
        var page = filter
        page.isDescending = reverse
        page.limit = Self.pageLength
        var highest: Int64?
        while true {
            let records = try database.history(page)
            guard let last = records.last else { return highest }
            writer.write(records)
            highest = max(highest ?? 0, records.map(\.sequence).max() ?? 0)
            guard records.count == Self.pageLength else { return highest }
            if reverse { page.before = last.sequence } else { page.after = last.sequence }
        }
    }

    private static let pageLength = 1000

    /// Goes on until nobody reads any more.
    ///
    /// Nothing tells another process of a commit: a change of the file is seen before what it commits is.
    private func follow(
        _ filter: HistoryFilter, _ database: OperatorDatabase, _ writer: inout HistoryWriter,
        in context: OperatorContext
    ) throws(OperatorError) {
        var next = filter
        next.after = try writeNewest(filter, database, &writer, in: context)
        context.output.flush()
        while context.output.isRead(after: Self.pause) {
            writer.names = try RoomNames(database)
            guard let last = try writeAll(next, database, &writer) else { continue }
            next.after = last
            context.output.flush()
        }
    }

    /// Between two looks, ms.
    private static let pause = 250
}
