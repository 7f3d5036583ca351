import SigmaSignal
import Synchronization

/// A log of events in memory, which may be pruned, slow or broken.
final class TestLog: EventLog {
    private struct State {
        var events: [LoggedEvent] = []
        var newest: Int64 = 0
        var isBroken = false
        var readCount = 0
    }

    private let state = Mutex(State())
    struct Broken: Error {}

    var newest: Int64 { state.withLock { $0.newest } }
    var readCount: Int { state.withLock { $0.readCount } }

    /// Adds events whose kinds are given.
    func commit(_ kinds: [String], body: String = #"{"a":"b"}"#) -> [LoggedEvent] {
        state.withLock { state in
            kinds.map { kind in
                state.newest += 1
                let event = LoggedEvent(sequence: state.newest, kind: kind, body: body)
                state.events.append(event)
                return event
            }
        }
    }

    func prune(before oldest: Int64) { state.withLock { $0.events.removeAll { $0.sequence < oldest } } }

    func setBroken(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }

    func events(after sequence: Int64, limit: Int) async throws -> [LoggedEvent] {
        try page(after: sequence, limit: limit)
    }

    func page(after sequence: Int64, limit: Int) throws -> [LoggedEvent] {
        try state.withLock { state in
            state.readCount += 1
            guard !state.isBroken else { throw Broken() }
            return Array(state.events.lazy.filter { $0.sequence > sequence }.prefix(limit))
        }
    }
}
