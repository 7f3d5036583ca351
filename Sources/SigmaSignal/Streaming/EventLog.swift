/// One row of the log of events, as clients read it.
package struct LoggedEvent: Sendable, Equatable {
    package let sequence: Int64
    /// In snake_case.
    package let kind: String
    /// A JSON object in one line.
    package let body: String

    package init(sequence: Int64, kind: String, body: String) {
        self.sequence = sequence
        self.kind = kind
        self.body = body
    }
}

/// The events that are kept: appended only, numbered without gaps, the oldest of them pruned from time to time.
package protocol EventLog: Sendable {
    /// Reads what follows a number, in order.
    ///
    /// - Returns: `limit` events at most, and none at the end of the log. Where the next one is pruned, those from the
    ///   oldest that is kept.
    func events(after sequence: Int64, limit: Int) async throws -> [LoggedEvent]
}

/// Which kinds of events a client may hear.
package struct EventAudience: Sendable, Equatable {
    /// `nil` for all.
    private let kinds: Set<String>?

    package init(kinds: Set<String>?) {
        self.kinds = kinds
    }

    package func hears(_ kind: String) -> Bool { kinds?.contains(kind) ?? true }

    /// Who has the token.
    package static let operators = EventAudience(kinds: nil)
    /// Everybody: what shows in the list of rooms as well.
    ///
    /// That a room is made is not in it, nor is its name, which may be all that protects it.
    package static let everybody = EventAudience(kinds: [
        "publisher_live", "publisher_silent", "taken_over", "publish_ended",
    ])
}
