import SigmaStore

/// The audit as the log of events.
struct StoredEventLog: EventLog {
    let store: Store

    func events(after sequence: Int64, limit: Int) async throws -> [LoggedEvent] {
        var filter = HistoryFilter()
        filter.after = sequence
        filter.limit = limit
        return try await store.history(filter).map { LoggedEvent($0) }
    }
}

extension LoggedEvent {
    init(_ record: AuditRecord) {
        self.init(sequence: record.sequence, kind: record.kind, body: record.body)
    }
}
