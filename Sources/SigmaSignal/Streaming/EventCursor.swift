/// Where one client of the event log is, and from where it has what follows.
///
/// ```
///     pruned │            the log              │        the tail        │
///   ─────────┼─────────────────────────────────┼────────────────────────┼──▶ sequence
///         oldest                             first                   newest
/// ```
///
/// The law: whatever is sent goes through ``advance(through:)`` or ``read(_:newest:)`` in the order of sending. Then every
/// number behind the first is sent once, or lies before a reset that was said.
package struct EventCursor: Sendable, Equatable {
    /// The number of the last event that the client was sent, or spared.
    package private(set) var position: Int64
    /// To be said before anything else: the number that the stream goes on with, since what the client asked for is not
    /// there.
    private var reset: Int64?

    /// Where the next events are.
    package enum Source: Sendable, Equatable {
        /// There is none yet.
        case nothing
        case tail
        /// - Parameter newest: To be given back with what was read.
        case log(newest: Int64)
    }

    /// - Parameters:
    ///   - id: The last number that the client knows; `nil` for one that wants what happens from now on.
    ///   - newest: The number of the last event.
    package init(after id: Int64?, newest: Int64) {
        guard let id, id != newest else {
            position = newest
            return
        }
        // A number that is none yet is of another log, or of this one before it was set back.
        let isKnown = (0..<max(0, newest)).contains(id)
        position = isKnown ? id : newest
        reset = isKnown ? nil : newest + 1
    }

    /// - Parameters:
    ///   - first: The number of the first event of the tail.
    ///   - newest: The number of its last event.
    package func source(first: Int64, newest: Int64) -> Source {
        guard position < newest else { return .nothing }
        return position + 1 >= first ? .tail : .log(newest: newest)
    }

    /// Takes note of what is sent.
    ///
    /// - Parameter sequence: The last number in it.
    package mutating func advance(through sequence: Int64) {
        position = max(position, sequence)
    }

    /// Takes a page of the log.
    ///
    /// - Parameters:
    ///   - page: What the log gave, asked for what follows ``position``.
    ///   - newest: The last number at the time of asking.
    /// - Returns: The events to be sent, behind what ``takeReset()`` returns then.
    package mutating func read(_ page: [LoggedEvent], newest: Int64) -> [LoggedEvent] {
        // What is newer is not in the tail yet: who comes back with its number would be taken for a stranger.
        let following = page.filter { $0.sequence > position && $0.sequence <= newest }
        guard let first = following.first, let last = following.last else {
            // All of it is pruned.
            if newest > position {
                reset = newest + 1
                position = newest
            }
            return []
        }
        if first.sequence > position + 1 { reset = first.sequence }
        position = last.sequence
        return following
    }

    /// The number that the stream goes on with, if that has to be said; once.
    package mutating func takeReset() -> Int64? {
        defer { reset = nil }
        return reset
    }
}
