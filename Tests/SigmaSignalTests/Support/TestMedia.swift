import Foundation
import NIOCore
import NIOPosix
import SigmaControl

/// A small `sigma-media`: the real protocol on a real socket, its answers as the test wants them.
actor TestMedia {
    struct Client {
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        var hello: ClientHello?
    }

    var hello = MediaHello()
    var sessions: [Data: SessionItem] = [:]
    /// Refuses to open, once.
    var refusal: FailureCode?
    /// Answers nothing but hellos and snapshots while set.
    var isSilent = false
    /// To its first client it says no hello, or never ends the snapshot.
    var isMute: (hello: Bool, snapshot: Bool) = (false, false)
    private(set) var connectionCount = 0
    private(set) var opened: [OpenSession] = []
    private(set) var closed: [CloseSession] = []
    private(set) var acknowledged: UInt64 = 0
    private(set) var anchors: [Anchor] = []
    private(set) var hellos: [ClientHello] = []
    private var journal: [Event] = []
    /// Events that it no longer has.
    private var forgotten: UInt64 = 0
    private var clients: [Int: Client] = [:]
    private var nextClient = 0
    private var withheld: [(client: Int, message: ClientMessage)] = []

    init(journal: UInt8 = 1, sessions: [SessionItem] = []) {
        hello.protocolVersion = controlProtocolVersion
        hello.program = "test-media 1"
        hello.journalID = Data(repeating: journal, count: 16)
        hello.udpPort = 5004
        hello.certificateFingerprints = [
            message {
                $0.hashFunction = .sha256
                $0.digest = Data(repeating: 0xab, count: 32)
            }
        ]
        hello.interfaces = [
            message {
                $0.address = Data([192, 0, 2, 7])
                $0.port = 5004
            }
        ]
        for session in sessions { self.sessions[session.sessionID] = session }
    }

    func configure(_ change: @Sendable (isolated TestMedia) -> Void) { change(self) }

    /// Serves until the task is cancelled.
    func serve(path: String) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await server.executeThenClose { inbound in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for try await client in inbound { group.addTask { try? await self.talk(with: client) } }
                group.cancelAll()
            }
        }
    }

    /// Journals an event about a session and sends it.
    func emit(_ session: SessionItem, _ body: Event.OneOf_Body) async {
        if case .ended = body { sessions[session.sessionID] = nil }
        let event: Event = message {
            $0.number = newest + 1
            $0.time = 1_700_000_000_000_000_000 + UInt64(journal.count) * 1_000_000
            $0.sessionID = session.sessionID
            $0.roomID = session.roomID
            $0.role = session.role
            $0.body = body
        }
        journal.append(event)
        for id in clients.keys where clients[id]?.hello != nil { await send(id, 0, .event(event)) }
    }

    /// Begins with a journal whose first events are gone.
    func forget(through number: UInt64) { forgotten = number }

    private var newest: UInt64 { forgotten + UInt64(journal.count) }

    /// Answers what came while ``isSilent``.
    func speak() async {
        isSilent = false
        for (client, message) in withheld { await answer(client, message) }
        withheld = []
    }

    /// Sends octets that are no frame of the protocol.
    func babble(_ octets: [UInt8]) async {
        for client in clients.values { try? await client.outbound.write(ByteBuffer(bytes: octets)) }
    }

    var withheldCount: Int { withheld.count }

    /// Nothing is served, and something was.
    var isEmptied: Bool { sessions.isEmpty && !closed.isEmpty }

    private func talk(with channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        let id = nextClient
        nextClient += 1
        connectionCount += 1
        try await channel.executeThenClose { inbound, outbound in
            clients[id] = Client(outbound: outbound)
            defer { clients[id] = nil }
            var decoder = FrameDecoder()
            for try await chunk in inbound {
                decoder.append(chunk.readableBytesView)
                while let payload = try decoder.next() {
                    await answer(id, try ClientMessage(payload: payload))
                }
            }
        }
    }

    private func answer(_ client: Int, _ message: ClientMessage) async {
        let id = message.requestID
        switch message.body {
        case .hello where isMute.hello && client == 0:
            break
        case .hello(let hello):
            await greet(client, hello)
        case .snapshot:
            await send(client, id, .snapshotBegin(SigmaControl.message { $0.asOf = newest }))
            for session in sessions.values.sorted(by: { $0.openedAt < $1.openedAt }) {
                await send(client, id, .sessionPage(SigmaControl.message { $0.sessions = [session] }))
            }
            if client != 0 || !isMute.snapshot { await send(client, id, .streamEnd(StreamEnd())) }
        case .anchor(let anchor):
            anchors.append(anchor)
            await send(client, id, .done(Done()))
        case .acknowledge(let acknowledge):
            acknowledged = acknowledge.number
        case .openSession where isSilent, .closeSession where isSilent:
            withheld.append((client, message))
        case .openSession(let open):
            await self.open(client, id, open)
        case .closeSession(let close):
            closed.append(close)
            guard let known = sessions[close.sessionID] else {
                await send(client, id, .failure(SigmaControl.message { $0.code = .notFound }))
                return
            }
            await send(client, id, .done(Done()))
            await emit(known, .ended(SigmaControl.message { $0.reason = close.reason }))
        default:
            await send(client, id, .failure(SigmaControl.message { $0.code = .unsupported }))
        }
    }

    private func greet(_ client: Int, _ hello: ClientHello) async {
        hellos.append(hello)
        clients[client]?.hello = hello
        self.hello.newestEvent = newest
        await send(client, 0, .hello(self.hello))
        let next = hello.eventsFrom.journalID == self.hello.journalID ? hello.eventsFrom.nextNumber : 0
        if next <= forgotten, forgotten > 0 {
            let gap: Gap = message {
                $0.first = 1
                $0.last = forgotten
            }
            await send(client, 0, .event(message { $0.gap = gap }))
        }
        for event in journal where event.number >= next { await send(client, 0, .event(event)) }
    }

    private func open(_ client: Int, _ id: UInt64, _ open: OpenSession) async {
        if let code = refusal {
            refusal = nil
            await send(client, id, .failure(message { $0.code = code }))
            return
        }
        opened.append(open)
        sessions[open.sessionID] = message {
            $0.sessionID = open.sessionID
            $0.roomID = open.roomID
            $0.role = open.role
            $0.state = .connecting
            $0.openedAt = UInt64(opened.count)
        }
        let answer: SessionOpened = message {
            $0.localUfrag = "mediaUfrag\(opened.count)"
            $0.localPassword = "mediaPasswordOfTwentyTwo+"
        }
        await send(client, id, .sessionOpened(answer))
    }

    private func send(_ client: Int, _ id: UInt64, _ body: MediaMessage.OneOf_Body) async {
        let message: MediaMessage = message {
            $0.requestID = id
            $0.body = body
        }
        guard let frame = try? message.frame() else { return }
        try? await clients[client]?.outbound.write(ByteBuffer(bytes: frame))
    }
}
