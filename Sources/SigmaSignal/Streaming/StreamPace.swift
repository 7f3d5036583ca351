package import NIOCore

/// When the clients of a stream are told of changes: of the first at once, of those that follow together.
///
/// ```
///             changed                      told
///  resting ───────────▶ telling ──────────────────────────▶ resting until …
///     │  ▲                │  ▲                                   │
///     │  └── told         │  └───── due ────── awaited ◀──────────┘ changed, or was changed while telling
///     …                changed: once more
/// ```
///
/// After telling all, the event loop has twice that time for others: joins go on under a storm of changes.
package struct StreamPace: Sendable {
    private enum State: Sendable {
        /// - Parameter until: Before, nobody is told of anything.
        case resting(until: NIODeadline)
        case awaited(until: NIODeadline)
        case telling(since: NIODeadline, isChanged: Bool)
    }

    package enum Step: Sendable, Equatable {
        case nothing
        /// Begin to tell all, and say when it is done.
        case tell
        /// Call ``due(at:)`` then.
        case wait(until: NIODeadline)
    }

    private let rest: TimeAmount
    private var state = State.resting(until: .distantPast)

    /// - Parameter rest: The least time between two rounds.
    package init(rest: TimeAmount) {
        self.rest = rest
    }

    package mutating func changed(at now: NIODeadline) -> Step {
        switch state {
        case .resting(let until) where until <= now:
            state = .telling(since: now, isChanged: false)
            return .tell
        case .resting(let until):
            state = .awaited(until: until)
            return .wait(until: until)
        case .telling(let since, _):
            state = .telling(since: since, isChanged: true)
            return .nothing
        case .awaited:
            return .nothing
        }
    }

    /// The time that was waited for has come.
    package mutating func due(at now: NIODeadline) -> Step {
        guard case .awaited(let until) = state else { return .nothing }
        guard until <= now else { return .wait(until: until) }
        state = .telling(since: now, isChanged: false)
        return .tell
    }

    /// All are told.
    package mutating func told(at now: NIODeadline) -> Step {
        guard case .telling(let since, let isChanged) = state else { return .nothing }
        let effort = now - since
        let until = now + max(rest, effort + effort)
        state = isChanged ? .awaited(until: until) : .resting(until: until)
        return isChanged ? .wait(until: until) : .nothing
    }
}
