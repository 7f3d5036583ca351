import FoundationEssentials
import SigmaControl
import SigmaStore

/// A session as the database, media or both know it.
///
/// Media has the id, which is a secret, and the database its SHA-256: that is where they meet, and nothing else of
/// the id is shown.
struct KnownSession {
    let idHash: Data
    let stored: StoredSession?
    let live: SessionItem?
    /// Whether media was there to be asked.
    let isMediaKnown: Bool

    /// - Parameter live: `nil` where media cannot be reached.
    static func joined(_ stored: [StoredSession], _ live: [SessionItem]?) -> [KnownSession] {
        var rest: [Data: SessionItem] = [:]
        for item in live ?? [] { rest[hash(of: item)] = item }
        var sessions: [KnownSession] = []
        for session in stored {
            let item = rest.removeValue(forKey: session.idHash)
            sessions.append(
                KnownSession(
                    idHash: session.idHash, stored: session, live: item, isMediaKnown: live != nil))
        }
        for item in rest.values.sorted(by: { $0.openedAt < $1.openedAt }) {
            sessions.append(
                KnownSession(idHash: hash(of: item), stored: nil, live: item, isMediaKnown: true))
        }
        return sessions
    }

    static func hash(of item: SessionItem) -> Data { Data(SHA256.hash(item.sessionID)) }

    /// What the operator calls it: its number, or the beginning of its hash where the database has no row of it.
    var label: String { stored.map { String($0.number) } ?? String(idHash.hexadecimal.prefix(8)) }

    /// Whether `text` is what it is called; more of the hash is as good.
    func isCalled(_ text: String) -> Bool {
        text == label || text.utf8.count >= 8 && idHash.hexadecimal.hasPrefix(text.lowercased())
    }

    var room: Int64 { stored?.room ?? Int64(clamping: live?.roomID ?? 0) }

    var role: String { stored?.role.rawValue ?? live?.role.text ?? "unknown" }

    /// Unix time, ms.
    var openedAt: Int64 { stored?.openedAt ?? Int64(clamping: (live?.openedAt ?? 0) / 1_000_000) }

    /// What media says of it, else what the database does: `lost` is open there, and media does not have it.
    var state: String {
        if let live { return live.stateText }
        guard let stored else { return "unknown" }
        if stored.endedAt != nil { return "ended: \(stored.reason ?? "unknown")" }
        if isMediaKnown { return "lost" }
        return stored.connectedAt == nil ? "opened" : "connected"
    }

    /// The columns of `session` that say something to others, those of `session_client`, and `state`.
    func json(_ client: ClientData?) -> JSONText {
        .object([
            ("number", .optional(stored?.number)), ("id_hash", .text(idHash.hexadecimal)),
            ("room", .integer(room)), ("role", .text(role)), ("state", .optional(live?.stateText)),
            ("opened_at", .integer(openedAt)), ("connected_at", .optional(stored?.connectedAt)),
            ("ended_at", .optional(stored?.endedAt)), ("reason", .optional(stored?.reason)),
            ("octets_sent", .optional(stored?.octetsSent)),
            ("octets_received", .optional(stored?.octetsReceived)), ("address", .optional(client?.address)),
            ("user_agent", .optional(client?.userAgent)),
        ])
    }
}

extension [KnownSession] {
    /// A table of them.
    ///
    /// - Parameter names: `nil` leaves out the column of rooms.
    func text(
        _ names: RoomNames?, clients database: OperatorDatabase?, in context: OperatorContext
    ) throws(OperatorError) -> String {
        var table = Table(
            [.number("SESSION")] + (names == nil ? [] : [.text("ROOM")]) + [
                .text("ROLE"), .text("STATE"), .text("OPENED"), .number("FOR"), .text("ADDRESS"),
                .free("USER AGENT"),
            ])
        for session in self {
            let client = try session.client(in: database)
            let until = session.stored?.endedAt ?? context.now()
            let cells = [
                session.role, session.state, context.zone.text(session.openedAt),
                Quantity.duration(
                    milliseconds: until.subtractingReportingOverflow(session.openedAt).partialValue),
                client?.address ?? "", client?.userAgent ?? "",
            ]
            table.add([session.label] + (names.map { [$0[session.room]] } ?? []) + cells)
        }
        return table.take(terminal: context.columns, style: context.style)
    }
}

extension KnownSession {
    /// Whom it is of, while that is kept.
    func client(in database: OperatorDatabase?) throws(OperatorError) -> ClientData? {
        guard let database, let stored else { return nil }
        return try database.client(of: stored.number)
    }
}
