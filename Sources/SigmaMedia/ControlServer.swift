internal import FoundationEssentials
internal import SigmaControl
internal import SigmaCore
internal import SigmaEngine
internal import SigmaSystem
internal import SigmaWire
internal import SwiftProtobuf

/// Serves the control protocol: commands in, answers and events out, never waiting for a client.
struct ControlServer: ~Copyable {
    static let protocolVersion: UInt32 = 1

    private let listener: UnixListener
    private var connections: [Int32: ControlConnection] = [:]
    /// The client whose acknowledgements release events: the newest that claimed it.
    private var recorder: Int32?
    private let hello: MediaHello
    private static let connectionLimit = 16

    init(listener: consuming UnixListener, hello: MediaHello) {
        self.listener = listener
        self.hello = hello
    }

    var listenerNumber: Int32 { listener.number }

    // MARK: Connections

    mutating func accept(_ poll: borrowing EventPoll) {
        while let descriptor = listener.accept() {
            let number = descriptor.number
            // Over the limit the connection is closed at once.
            guard connections.count < Self.connectionLimit, (try? poll.add(number)) != nil else { continue }
            connections[number] = ControlConnection(descriptor)
        }
    }

    func owns(_ number: Int32) -> Bool { connections[number] != nil }

    mutating func handle(_ ready: EventPoll.Ready, _ shards: inout ShardGroup) {
        guard let connection = connections[ready.descriptor] else { return }
        if ready.canWrite { connection.flush() }
        guard ready.canRead else { return }
        for message in connection.receive() where !connection.isClosed {
            answer(message, connection, &shards)
        }
    }

    /// Sends events that have come up, writes what is queued, forgets connections that have closed.
    mutating func finishRound(_ journal: borrowing Journal, _ poll: borrowing EventPoll) {
        for (number, connection) in connections {
            sendEvents(to: connection, journal)
            connection.flush()
            if connection.isClosed {
                poll.remove(number)
                connections[number] = nil
                if recorder == number { recorder = nil }
            } else {
                pollForRoom(connection, hasMore: hasEvents(for: connection, journal), poll)
            }
        }
    }

    /// Room to write wakes the loop while there is something to write, or events that wait in the journal:
    /// otherwise nothing would take up the replay where a round has left it, or the loop would never rest.
    private func pollForRoom(
        _ connection: ControlConnection, hasMore: Bool, _ poll: borrowing EventPoll
    ) {
        let wantsRoom = connection.hasOutput || hasMore
        guard wantsRoom != connection.isPolledForRoom else { return }
        connection.isPolledForRoom = wantsRoom
        try? poll.change(connection.descriptor.number, wantsToWrite: wantsRoom)
    }

    private func hasEvents(for connection: ControlConnection, _ journal: borrowing Journal) -> Bool {
        guard let cursor = connection.events else { return false }
        return cursor.next <= journal.newest
    }

    private func sendEvents(to connection: ControlConnection, _ journal: borrowing Journal) {
        guard var cursor = connection.events else { return }
        while connection.hasRoomForEvents, !connection.isClosed, let entry = cursor.read(journal) {
            switch entry {
            case .event(let record):
                guard let event = Event(record) else { continue }
                connection.send(.with { $0.event = event })
            case .gap(let first, let last):
                connection.send(.with { $0.event = Event(gapFrom: first, to: last) })
            }
        }
        connection.events = cursor
    }

    // MARK: Messages

    private mutating func answer(
        _ message: ClientMessage, _ connection: ControlConnection, _ shards: inout ShardGroup
    ) {
        let reply = ControlReply(connection: connection, requestID: message.requestID)
        guard connection.isKnown else {
            guard case .hello(let hello)? = message.body, hello.protocolVersion == Self.protocolVersion else {
                connection.close()
                return
            }
            greet(connection, hello, reply, shards)
            return
        }
        do throws(CommandError) {
            try run(message, connection, &shards, reply)
        } catch {
            reply.fail(error)
        }
    }

    private mutating func run(
        _ message: ClientMessage, _ connection: ControlConnection, _ shards: inout ShardGroup,
        _ reply: ControlReply
    ) throws(CommandError) {
        let time = UInt64(max(0, SystemClock.unix()))
        switch message.body {
        case .hello:
            connection.close()
        case .openSession(let open):
            shards.open(try SessionRequest(open), at: time, reply)
        case .updateSession(let update):
            try Self.update(update, &shards, reply)
        case .closeSession(let close):
            guard let id = SessionID([UInt8](close.sessionID)) else { throw .invalid(.sessionID) }
            shards.close(id, reason: EndReason(close.reason), by: connection.userID, reply)
        case .snapshot:
            reply.send(snapshot: shards.snapshot, of: shards.journal)
        case .statistics(let request):
            Self.statistics(request, &shards, at: time, reply)
        case .acknowledge(let acknowledge):
            if recorder == connection.descriptor.number {
                shards.acknowledgeEvents(through: acknowledge.number)
            }
        case .anchor(let anchor):
            try shards.anchor(
                sequence: anchor.sequence, hash: [UInt8](anchor.hash), isReset: anchor.reset, at: time)
            reply.done()
        case .drain(let drain):
            shards.isDraining = drain.enabled
            reply.done()
        case nil:
            reply.fail(.unsupported, "a message this version does not know")
        }
    }

    private static func update(
        _ update: UpdateSession, _ shards: inout ShardGroup, _ reply: ControlReply
    ) throws(CommandError) {
        guard let id = SessionID([UInt8](update.sessionID)) else { throw .invalid(.sessionID) }
        guard update.remoteUfrag.isEmpty, update.remotePassword.isEmpty else {
            return reply.fail(.unsupported, "ICE restart")
        }
        guard update.hasPaused else { return reply.done() }
        shards.setPaused(update.paused, id, reply)
    }

    private static func statistics(
        _ request: StatisticsRequest, _ shards: inout ShardGroup, at time: UInt64, _ reply: ControlReply
    ) {
        let counters = [
            ("events_acknowledged", shards.journal.acknowledged), ("events_lost", shards.journal.lost),
        ]
        let ids = request.sessionIds.compactMap { SessionID([UInt8]($0)) }
        guard request.sessionIds.isEmpty || !ids.isEmpty else {
            // Ids that are all malformed must not read as "all sessions".
            return reply.send(StatisticsCollector(time: time, missing: 0, counters: counters))
        }
        shards.statistics(of: ids, at: time, counters, reply)
    }

    private mutating func greet(
        _ connection: ControlConnection, _ theirs: ClientHello, _ reply: ControlReply,
        _ shards: borrowing ShardGroup
    ) {
        connection.isKnown = true
        var ours = hello
        ours.newestEvent = shards.journal.newest
        ours.oldestEvent = shards.journal.oldest
        if let head = shards.auditHead { ours.anchor = Anchor(head) }
        reply.send(.hello(ours))
        if theirs.recorder { recorder = connection.descriptor.number }
        guard theirs.hasEventsFrom else { return }
        let position = theirs.eventsFrom
        connection.events = JournalCursor(
            shards.journal, id: [UInt8](position.journalID), next: position.nextNumber)
    }
}
