import FoundationEssentials
package import SigmaControl

/// Signal's side of one connection to media, without the socket: hello, snapshot, then events and answers.
///
/// ```
///  ── hello ──▶ awaitingHello ── MediaHello ──▶ awaitingSnapshot ── StreamEnd ──▶ ready
/// ```
///
/// Events up to the snapshot's `as_of` are in the snapshot already, and only history to whoever keeps one; those
/// above change what the snapshot says. An error is final: the connection is to be closed and made anew.
package struct ControlConversation: Sendable {
    /// What the caller has to do, in order.
    package enum Output: Sendable, Equatable {
        case send(ClientMessage)
        /// From now on requests may be sent; these are the sessions of the snapshot.
        case ready(MediaHello, [SessionItem])
        ///
        /// - isPast: The snapshot has its outcome.
        case event(Event, isPast: Bool)
        /// Events that nobody will ever see; where they are not past, a new snapshot is needed.
        case gap(first: UInt64, last: UInt64, isPast: Bool)
        /// All events up to the snapshot's have been seen.
        case caughtUp
        /// The answer to a request of the caller's.
        case answer(requestID: UInt64, MediaMessage.OneOf_Body)
    }

    private enum State: Sendable {
        case awaitingHello
        case awaitingSnapshot(Snapshot)
        case ready(asOf: UInt64, isCaughtUp: Bool)
    }

    private struct Snapshot: Sendable {
        let hello: MediaHello
        var asOf: UInt64?
        var sessions: [SessionItem] = []
        /// Heard before the end of the snapshot.
        var events: [Event] = []
    }

    private var state: State = .awaitingHello
    /// The next event wanted.
    package private(set) var position: EventPosition

    /// The request that asks for the snapshot; the caller's begin above it.
    package static let snapshotRequestID: UInt64 = 1

    package init(position: EventPosition) {
        self.position = position
    }

    /// The first message to send.
    package func hello(program: String) -> ClientMessage {
        message { (client: inout ClientMessage) in
            client.hello = message { hello in
                hello.protocolVersion = controlProtocolVersion
                hello.program = program
                hello.recorder = true
                hello.eventsFrom = position
            }
        }
    }

    /// Takes the next message of media.
    ///
    /// - Throws: ``ControlViolation``.
    package mutating func receive(_ message: MediaMessage) throws(ControlViolation) -> [Output] {
        // A body or an answer of a newer media is skipped.
        guard let body = message.body else { return [] }
        switch state {
        case .awaitingHello:
            return try begin(body)
        case .awaitingSnapshot(var snapshot):
            return try collect(message, into: &snapshot)
        case .ready(let asOf, let isCaughtUp):
            guard case .event(let event) = body else {
                return message.requestID == 0 ? [] : [.answer(requestID: message.requestID, body)]
            }
            var outputs = take(event, asOf: asOf)
            if !isCaughtUp { outputs += catchUp(asOf) }
            return outputs
        }
    }

    private mutating func begin(_ body: MediaMessage.OneOf_Body) throws(ControlViolation) -> [Output] {
        guard case .hello(let hello) = body else { throw .noHello }
        guard hello.protocolVersion == controlProtocolVersion else { throw .version(hello.protocolVersion) }
        if hello.journalID != position.journalID {
            position = SigmaControl.message { $0.journalID = hello.journalID }
        }
        state = .awaitingSnapshot(Snapshot(hello: hello))
        return [
            .send(
                message {
                    $0.requestID = Self.snapshotRequestID
                    $0.snapshot = SnapshotRequest()
                })
        ]
    }

    private mutating func collect(
        _ message: MediaMessage, into snapshot: inout Snapshot
    ) throws(ControlViolation) -> [Output] {
        switch message.body {
        case .snapshotBegin(let begin):
            snapshot.asOf = begin.asOf
        case .sessionPage(let page):
            snapshot.sessions += page.sessions
        case .event(let event):
            snapshot.events.append(event)
        case .streamEnd where message.requestID == Self.snapshotRequestID:
            guard let asOf = snapshot.asOf else { throw .snapshotWithoutBegin }
            state = .ready(asOf: asOf, isCaughtUp: false)
            var outputs: [Output] = [.ready(snapshot.hello, snapshot.sessions)]
            for event in snapshot.events { outputs += take(event, asOf: asOf) }
            return outputs + catchUp(asOf)
        case .failure(let failure) where message.requestID == Self.snapshotRequestID:
            throw .snapshotRefused(failure.code)
        case .hello, .sessionOpened, .done, .failure, .statisticsBegin, .statisticsPage, .streamEnd, nil:
            break
        }
        state = .awaitingSnapshot(snapshot)
        return []
    }

    private mutating func take(_ event: Event, asOf: UInt64) -> [Output] {
        if case .gap(let gap) = event.body {
            guard gap.last >= position.nextNumber else { return [] }
            advance(past: gap.last)
            return [.gap(first: gap.first, last: gap.last, isPast: gap.last <= asOf)]
        }
        guard event.number >= position.nextNumber else { return [] }
        advance(past: event.number)
        return [.event(event, isPast: event.number <= asOf)]
    }

    private mutating func catchUp(_ asOf: UInt64) -> [Output] {
        // Events are numbered from 1.
        guard max(position.nextNumber, 1) > asOf else { return [] }
        state = .ready(asOf: asOf, isCaughtUp: true)
        return [.caughtUp]
    }

    private mutating func advance(past number: UInt64) {
        guard number < .max else { return }
        position.nextNumber = max(position.nextNumber, number + 1)
    }
}

/// Why a connection to media is closed and made anew.
package enum ControlViolation: Error, Equatable {
    /// The first message was another.
    case noHello
    /// A version of the protocol that this program does not speak.
    case version(UInt32)
    case snapshotWithoutBegin
    case snapshotRefused(FailureCode)
    /// Events after the snapshot are missing; a new snapshot has their outcome.
    case eventsLost
    case malformedMessage(ControlMessageError)
    case malformedFrame(FrameError)
    /// No hello or no snapshot in 5 s.
    case slow
}
