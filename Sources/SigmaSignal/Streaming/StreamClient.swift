import NIOCore

/// One client of a stream: takes its connection over and writes to it, without a task.
///
/// It stands behind ``ConnectionGuard``, and to what is behind itself the connection is over: nothing is passed on, and
/// the closing of the task that served the request is left without effect. So 5000 clients cost neither 5000
/// tasks nor what these have read. The end of the connection is the end of the body (RFC 9112 §6.3), in HTTP/1.0 as in
/// HTTP/1.1: without the framing of chunks the same octets do for all.
final class StreamClient: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Where the hub has it.
    var place: Int?
    /// The sign of life that it was sent last.
    var tick = 0

    /// Until it is sent.
    private var head: ByteBuffer?
    private let hub: StreamHub
    private let source: any StreamSource
    private var context: ChannelHandlerContext?
    /// The task of the request has not ended yet.
    private var awaitsTask = true
    private var isSending = false
    /// Octets handed to the channel, and of those what the kernel had taken when it was last looked at, and when that was
    /// more than before.
    private var written = 0
    private var taken = 0
    private var progress = NIODeadline.now()

    /// What the kernel keeps unsent, in octets: what comes later is newer.
    private static let unsentLength: SocketOptionValue = 16 * 1024
    /// TCP_NOTSENT_LOWAT and TCP_USER_TIMEOUT (tcp(7)).
    private static let notSentLowWatermark = NIOBSDSocket.Option(rawValue: 25)
    private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)

    init(head: ByteBuffer, hub: StreamHub, source: any StreamSource) {
        self.head = head
        self.hub = hub
        self.source = source
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let options = context.channel.syncOptions
        // Writable is who has taken all.
        try? options?.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
        // Not every socket is one of TCP. What is sent and not acknowledged, only the kernel knows.
        try? options?.setOption(.tcpOption(Self.notSentLowWatermark), value: Self.unsentLength)
        let patience = SocketOptionValue(hub.times.patience.nanoseconds / 1_000_000)
        try? options?.setOption(.tcpOption(Self.userTimeout), value: patience)
        source.ready = { [weak self] goesOn in self?.ready(goesOn) }
        hub.join(self)
        var first = head ?? ByteBuffer()
        head = nil
        if let piece = source.next() { first.writeImmutableBuffer(piece) }
        send(first, context)
        sendMore()
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    /// Whatever a client says after its request, it is not heard; that it leaves is.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) { context.read() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { sendMore() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
        // The client comes back by itself, to whoever serves then.
        if event is ChannelShouldQuiesceEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard awaitsTask else { return context.close(mode: mode, promise: promise) }
        if mode == .all { awaitsTask = false }
        promise?.succeed()
    }

    /// Sends what there is, or a sign of life; ends a client that has taken nothing for too long.
    func visit(tick: Int, at now: NIODeadline) {
        guard let context else { return }
        let hasSent = sendMore()
        guard tick != self.tick else { return }
        self.tick = tick
        guard isPatient(context, now) else { return context.close(promise: nil) }
        if !hasSent, context.channel.isWritable { send(source.sign(), context) }
    }

    private func ready(_ goesOn: Bool) {
        if goesOn { sendMore() } else { context?.close(promise: nil) }
    }

    @discardableResult
    private func sendMore() -> Bool {
        // Each write may come back here by what it changes.
        guard !isSending else { return false }
        isSending = true
        defer { isSending = false }
        var hasSent = false
        while let context, context.channel.isWritable, let piece = source.next() {
            send(piece, context)
            hasSent = true
        }
        return hasSent
    }

    private func send(_ octets: ByteBuffer, _ context: ChannelHandlerContext) {
        written &+= octets.readableBytes
        context.writeAndFlush(wrapOutboundOut(octets), promise: nil)
    }

    private func isPatient(_ context: ChannelHandlerContext, _ now: NIODeadline) -> Bool {
        let buffered = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if buffered == 0 || written &- buffered != taken {
            taken = written &- buffered
            progress = now
        }
        return now - progress < hub.times.patience
    }

    private func leave() {
        context = nil
        source.ready = nil
        hub.leave(self)
    }
}
