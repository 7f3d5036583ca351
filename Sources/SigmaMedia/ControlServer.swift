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
    /// Of the socket, for the statistics; set before each call of ``handle(_:_:at:into:)``.
    var socketCounters: [(String, UInt64)] = []
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

    mutating func handle(
        _ ready: EventPoll.Ready, _ engine: inout Engine, at now: Instant, into batch: inout DatagramBatch
    ) {
        guard let connection = connections[ready.descriptor] else { return }
        if ready.canWrite { connection.flush() }
        guard ready.canRead else { return }
        for message in connection.receive() where !connection.isClosed {
            answer(message, connection, &engine, at: now, into: &batch)
        }
    }

    /// Sends events that have come up, writes what is queued, forgets connections that have closed.
    mutating func finishRound(_ engine: inout Engine, _ poll: borrowing EventPoll) {
        for (number, connection) in connections {
            sendEvents(to: connection, engine.journal)
            connection.flush()
            if connection.isClosed {
                poll.remove(number)
                connections[number] = nil
                if recorder == number { recorder = nil }
            } else {
                pollForRoom(connection, hasMore: hasEvents(for: connection, engine.journal), poll)
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
        _ message: ClientMessage, _ connection: ControlConnection, _ engine: inout Engine, at now: Instant,
        into batch: inout DatagramBatch
    ) {
        guard connection.isKnown else {
            guard case .hello(let hello)? = message.body, hello.protocolVersion == Self.protocolVersion else {
                connection.close()
                return
            }
            greet(connection, hello, message.requestID, engine.journal)
            return
        }
        switch message.body {
        case .hello:
            connection.close()
        case .openSession(let open):
            reply(message, connection) { () throws(CommandError) in
                let credentials = try engine.open(SessionRequest(open), at: now)
                return .sessionOpened(
                    .with {
                        $0.localUfrag = String(decoding: credentials.ufrag, as: UTF8.self)
                        $0.localPassword = String(decoding: credentials.password, as: UTF8.self)
                    })
            }
        case .updateSession(let update):
            reply(message, connection) { () throws(CommandError) in try Self.update(update, &engine) }
        case .closeSession(let close):
            reply(message, connection) { () throws(CommandError) in
                guard let id = SessionID([UInt8](close.sessionID)) else { throw .invalid(.sessionID) }
                try engine.close(id, reason: EndReason(close.reason), at: now, into: &batch)
                return .done(Done())
            }
        case .snapshot:
            sendSnapshot(message.requestID, connection, engine)
        case .statistics(let request):
            sendStatistics(message.requestID, request, connection, engine, at: now)
        case .acknowledge(let acknowledge):
            if recorder == connection.descriptor.number {
                engine.acknowledgeEvents(through: acknowledge.number)
            }
        case .anchor(let anchor):
            reply(message, connection) { () throws(CommandError) in
                try engine.anchor(sequence: anchor.sequence, hash: [UInt8](anchor.hash), at: now)
                return .done(Done())
            }
        case .drain(let drain):
            engine.setDraining(drain.enabled)
            reply(message, connection) { () throws(CommandError) in .done(Done()) }
        case nil:
            connection.send(
                .with {
                    $0.requestID = message.requestID
                    $0.failure = Failure(.unsupported, "a message this version does not know")
                })
        }
    }

    private func reply(
        _ message: ClientMessage, _ connection: ControlConnection,
        _ run: () throws(CommandError) -> MediaMessage.OneOf_Body
    ) {
        var answer = MediaMessage()
        answer.requestID = message.requestID
        do throws(CommandError) {
            answer.body = try run()
        } catch {
            answer.failure = Failure(error)
        }
        connection.send(answer)
    }

    private static func update(
        _ update: UpdateSession, _ engine: inout Engine
    ) throws(CommandError) -> MediaMessage.OneOf_Body {
        guard let id = SessionID([UInt8](update.sessionID)) else { throw .invalid(.sessionID) }
        guard update.remoteUfrag.isEmpty, update.remotePassword.isEmpty else {
            return .failure(Failure(.unsupported, "ICE restart"))
        }
        if update.hasPaused { try engine.setPaused(update.paused, id) }
        return .done(Done())
    }

    private mutating func greet(
        _ connection: ControlConnection, _ theirs: ClientHello, _ requestID: UInt64,
        _ journal: borrowing Journal
    ) {
        connection.isKnown = true
        var ours = hello
        ours.newestEvent = journal.newest
        ours.oldestEvent = journal.oldest
        connection.send(
            .with {
                $0.requestID = requestID
                $0.hello = ours
            })
        if theirs.recorder { recorder = connection.descriptor.number }
        guard theirs.hasEventsFrom else { return }
        let position = theirs.eventsFrom
        connection.events = JournalCursor(
            journal, id: [UInt8](position.journalID), next: position.nextNumber)
    }

    // MARK: Streams

    /// Sessions of one page, at most 1 KiB each: well below a frame of 64 KiB.
    private static let pageLength = 56

    private func sendSnapshot(_ id: UInt64, _ connection: ControlConnection, _ engine: borrowing Engine) {
        connection.send(
            .with {
                $0.requestID = id
                $0.snapshotBegin.asOf = engine.journal.newest
                $0.snapshotBegin.journalID = Data(engine.journal.id)
            })
        for page in pages(engine.snapshot()) {
            connection.send(
                .with {
                    $0.requestID = id
                    $0.sessionPage.sessions = page.map { SessionItem($0) }
                })
        }
        sendEnd(id, connection)
    }

    private func sendStatistics(
        _ id: UInt64, _ request: StatisticsRequest, _ connection: ControlConnection,
        _ engine: borrowing Engine, at now: Instant
    ) {
        connection.send(
            .with {
                $0.requestID = id
                $0.statisticsBegin.time = engine.unixTime(at: now)
                $0.statisticsBegin.counters = Dictionary(
                    engine.counters.named + engine.load.named + Self.counters(of: engine.journal)
                        + socketCounters,
                    uniquingKeysWith: { first, _ in first })
            })
        let ids = request.sessionIds.compactMap { SessionID([UInt8]($0)) }
        // Ids that are all malformed must not read as "all sessions".
        let reports = request.sessionIds.isEmpty || !ids.isEmpty ? engine.statistics(of: ids) : []
        for page in pages(reports) {
            connection.send(
                .with {
                    $0.requestID = id
                    $0.statisticsPage.sessions = page.map { SessionStatistics($0) }
                })
        }
        sendEnd(id, connection)
    }

    private static func counters(of journal: borrowing Journal) -> [(String, UInt64)] {
        [("events_acknowledged", journal.acknowledged), ("events_lost", journal.lost)]
    }

    private func sendEnd(_ id: UInt64, _ connection: ControlConnection) {
        connection.send(
            .with {
                $0.requestID = id
                $0.streamEnd = StreamEnd()
            })
    }

    private func pages<Item>(_ items: [Item]) -> [ArraySlice<Item>] {
        stride(from: 0, to: items.count, by: Self.pageLength).map {
            items[$0..<min($0 + Self.pageLength, items.count)]
        }
    }
}
