import SigmaStore

/// Writes rows of the audit, some at a time.
struct HistoryWriter {
    enum Form {
        case table
        case json
        case csv
    }

    private let form: Form
    var names: RoomNames
    private let context: OperatorContext
    private let showsRoom: Bool
    private var table: Table
    private var hasBegun = false

    /// - Parameter isOfOneRoom: Leaves out the column of rooms.
    init(_ form: Form, _ names: RoomNames, isOfOneRoom: Bool = false, in context: OperatorContext) {
        self.form = form
        self.names = names
        self.context = context
        showsRoom = !isOfOneRoom
        table = Table(
            [.number("ROW"), .text("TIME"), .text("EVENT")] + (isOfOneRoom ? [] : [.text("ROOM")]) + [
                .number("SESSION"), .free("DETAILS"),
            ])
    }

    mutating func write(_ records: [AuditRecord]) {
        if form == .csv, !hasBegun {
            context.output.write(CSV.line(["seq", "time", "kind", "room", "session", "body", "hash"]))
        }
        hasBegun = true
        for record in records { write(record, AuditBody(record.body)) }
        if form == .table, !table.isEmpty {
            context.output.write(table.take(terminal: context.columns, style: context.style))
        }
    }

    private mutating func write(_ record: AuditRecord, _ body: AuditBody?) {
        switch form {
        case .json: context.write(json: record.json(body))
        case .csv: context.output.write(csv(record, body))
        case .table: table.add(cells(record, body))
        }
    }

    private func cells(_ record: AuditRecord, _ body: AuditBody?) -> [String] {
        let room = body?.integer("room").map { names[$0] } ?? ""
        return [
            String(record.sequence), body?.integer("time").map { context.zone.text($0) } ?? "", record.kind,
        ] + (showsRoom ? [room] : []) + [
            body?.integer("session").map { String($0) } ?? "", body?.details ?? record.body,
        ]
    }

    /// On a terminal the escapes of JSON are seen; in a file the octets are those of the database.
    private func csv(_ record: AuditRecord, _ body: AuditBody?) -> String {
        let number = { (name: String) in body?.integer(name).map { String($0) } ?? "" }
        let isShown = context.columns != nil
        return CSV.line([
            String(record.sequence), body?.integer("time").map { LocalTime.utc($0) } ?? "",
            isShown ? Printable.text(record.kind) : record.kind, number("room"), number("session"),
            isShown ? JSONText.withoutControls(record.body) : record.body, record.hash.hexadecimal,
        ])
    }
}
