import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import SigmaControl
import SigmaSettings

/// Why a request to media has no good answer.
enum ControlError: Error, Equatable {
    /// No connection to media, or it went away before the answer.
    case unavailable
    /// No answer in 5 s.
    case timeout
    case refused(FailureCode)
    /// An answer of another kind than the request has.
    case unexpectedAnswer
}

/// What the connection to media brings, in order.
enum ControlUpdate: Sendable {
    /// Connected; the sessions that media serves.
    case ready(MediaHello, [SessionItem])
    /// isPast: `ready` had its outcome.
    case event(Event, isPast: Bool)
    /// Events that media no longer has.
    case gap(first: UInt64, last: UInt64)
    /// All that happened before `ready` has been told.
    case caughtUp
    case disconnected
}

/// Keeps a connection to `sigma-media`: requests out, answers and events in.
///
/// Lost or refused, the connection is made anew after 50 ms to 2 s. Every connection begins with hellos and
/// a snapshot; only then are requests taken.
actor ControlClient {
    typealias Answer = MediaMessage.OneOf_Body

    /// Media's hello while requests are taken, else `nil`.
    private(set) var hello: MediaHello?

    private let path: String
    private let logger: Logger
    private let position: @Sendable () async -> EventPosition
    private var conversation: ControlConversation
    private var outgoing: AsyncStream<[UInt8]>.Continuation?
    private var pending: [UInt64: CheckedContinuation<Result<Answer, ControlError>, Never>] = [:]
    private var nextRequestID = ControlConversation.snapshotRequestID + 1
    /// What waits for the first connection of this process.
    private var arrivals: [CheckedContinuation<Void, Never>] = []
    private var hasConnected = false
    private var channel: (any Channel)?
    /// Requests in a row that had no answer in time.
    private var timeouts = 0
    /// The last complaint, so that one that repeats is logged once.
    private var complaint: String?

    private static let patience: Duration = .seconds(5)
    private static let maximumTimeouts = 3
    /// Messages that wait to be written.
    private static let maximumQueue = 1024

    /// - Parameter position: The first event wanted, asked for with each connection.
    init(path: String, logger: Logger, position: @escaping @Sendable () async -> EventPosition) {
        self.path = path
        self.logger = logger
        self.position = position
        conversation = ControlConversation(position: EventPosition())
    }

    /// Media's hello; a process that has just started gives media a moment to say it.
    func awaitedHello() async -> MediaHello? {
        if hello != nil || hasConnected { return hello }
        let timer = EventLoopExecutor.currentLoop.scheduleTask(in: Self.firstConnectionTime) {
            Task { await self.arrive() }
        }
        defer { timer.cancel() }
        await withCheckedContinuation { arrivals.append($0) }
        return hello
    }

    /// What a start of both programs takes.
    private static let firstConnectionTime = TimeAmount.seconds(1)

    private func arrive() {
        hasConnected = true
        for arrival in arrivals { arrival.resume() }
        arrivals = []
    }

    /// Releases events from media's journal, up to and with `number`.
    func acknowledge(_ number: UInt64) {
        guard hello != nil else { return }
        _ = send(.acknowledge(message { $0.number = number }), requestID: 0)
    }

    /// Begins anew, with the events that are wanted then.
    func reconnect() {
        channel?.close(promise: nil)
    }

    /// Sends a request and waits for its answer, 5 s at most.
    func request(_ body: ClientMessage.OneOf_Body) async throws(ControlError) -> Answer {
        let id = nextRequestID
        guard hello != nil, send(body, requestID: id) else { throw .unavailable }
        nextRequestID += 1
        let expiry = EventLoopExecutor.currentLoop.scheduleTask(in: TimeAmount(Self.patience)) {
            Task { await self.resume(id, .failure(.timeout)) }
        }
        defer { expiry.cancel() }
        let result = await withCheckedContinuation { pending[id] = $0 }
        countTimeouts(result)
        let answer = try result.get()
        if case .failure(let failure) = answer { throw .refused(failure.code) }
        return answer
    }

    /// A media that has stopped answering is left: what waits for it would only grow.
    private func countTimeouts(_ result: Result<Answer, ControlError>) {
        switch result {
        case .failure(.timeout): timeouts += 1
        case .success, .failure: timeouts = 0
        }
        guard timeouts >= Self.maximumTimeouts else { return }
        timeouts = 0
        complain("sigma-media does not answer")
        channel?.close(promise: nil)
    }

    /// Sends a request whose answer nobody waits for; dropped without a connection.
    func post(_ body: ClientMessage.OneOf_Body) {
        guard hello != nil, send(body, requestID: nextRequestID) else { return }
        nextRequestID += 1
    }

    /// Connects again and again until the task is cancelled.
    ///
    /// - Parameter update: Awaited before the next message is read; it must not wait for an answer.
    func run(_ update: @escaping @Sendable (ControlUpdate) async -> Void) async {
        var delay = Duration.milliseconds(50)
        while !Task.isCancelled {
            let wasReady = await connectOnce(update)
            if wasReady { delay = .milliseconds(50) }
            let jittered = delay * Double.random(in: 0.5...1)
            try? await Task.sleep(for: jittered)
            delay = min(delay * 2, .seconds(2))
        }
    }

    private func connectOnce(_ update: @escaping @Sendable (ControlUpdate) async -> Void) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(2))
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            try await withTaskExecutorPreference(EventLoopExecutor(channel.channel.eventLoop)) {
                try await converse(over: channel, update)
            }
            complain("sigma-media closed the control connection")
        } catch {
            complain("no control connection to sigma-media at \(path): \(error)")
        }
        let wasReady = hello != nil
        hello = nil
        channel = nil
        outgoing?.finish()
        outgoing = nil
        for id in pending.keys { resume(id, .failure(.unavailable)) }
        if wasReady { await update(.disconnected) }
        return wasReady
    }

    private func converse(
        over channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
        _ update: @escaping @Sendable (ControlUpdate) async -> Void
    ) async throws {
        conversation = ControlConversation(position: await position())
        let (frames, outgoing) = AsyncStream.makeStream(
            of: [UInt8].self, bufferingPolicy: .bufferingOldest(Self.maximumQueue))
        self.outgoing = outgoing
        self.channel = channel.channel
        timeouts = 0
        try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await frame in frames { try await outbound.write(ByteBuffer(bytes: frame)) }
                }
                group.addTask {
                    try await Task.sleep(for: Self.patience)
                    if await self.hello == nil { throw ControlViolation.slow }
                    // The group ends with the first that ends.
                    try await Task.sleep(for: .seconds(1 << 30))
                }
                group.addTask { try await self.read(inbound, update) }
                defer { group.cancelAll() }
                send(conversation.hello(program: "sigma-signal \(sigmaVersion)"))
                try await group.next()
            }
        }
    }

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ update: @Sendable (ControlUpdate) async -> Void
    ) async throws {
        var decoder = FrameDecoder()
        for try await chunk in inbound {
            decoder.append(chunk.readableBytesView)
            while let payload = try decoder.next() {
                for output in try conversation.receive(MediaMessage(payload: payload)) {
                    try await perform(output, update)
                }
            }
        }
    }

    private func perform(
        _ output: ControlConversation.Output, _ update: @Sendable (ControlUpdate) async -> Void
    ) async throws(ControlViolation) {
        switch output {
        case .send(let message):
            send(message)
        case .ready(let hello, let sessions):
            complaint = nil
            self.hello = hello
            await update(.ready(hello, sessions))
            arrive()
        case .event(let event, let isPast):
            await update(.event(event, isPast: isPast))
        case .gap(let first, let last, let isPast):
            await update(.gap(first: first, last: last))
            if !isPast { throw .eventsLost }
        case .caughtUp:
            await update(.caughtUp)
        case .answer(let id, let answer):
            resume(id, .success(answer))
        }
    }

    private func resume(_ id: UInt64, _ result: Result<Answer, ControlError>) {
        pending.removeValue(forKey: id)?.resume(returning: result)
    }

    private func send(_ body: ClientMessage.OneOf_Body, requestID: UInt64) -> Bool {
        send(
            message {
                $0.requestID = requestID
                $0.body = body
            })
    }

    @discardableResult
    private func send(_ message: ClientMessage) -> Bool {
        guard let outgoing, let frame = try? message.frame() else { return false }
        if case .enqueued = outgoing.yield(frame) { return true }
        return false
    }

    private func complain(_ text: String) {
        guard !Task.isCancelled, complaint != text else { return }
        complaint = text
        logger.warning("\(text); trying again")
    }
}
