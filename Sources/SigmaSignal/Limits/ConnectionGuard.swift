import Hummingbird
import NIOCore
import SigmaSettings

/// Where a request is, told down the pipeline to ``ConnectionGuard``.
enum RequestProgress: Sendable {
    case began
    case answering
    case answered
    /// The answer goes on until one side closes the connection.
    case streaming
    /// The request asks for another protocol, in which nothing more would be read as HTTP.
    case leavesHTTP
    /// What was read is no HTTP, or the header is too long.
    case malformed(isTooLong: Bool)
}

/// First in the pipeline: closes a connection whose request, silence or answer takes too long, and stops
/// reading one that sends more than anybody reads.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var state: RequestDeadline
    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var isReading = true
    private var isClosing = false
    private let inputClosed: @Sendable () -> Void

    /// For an answer to arrive, between it and the end of its connection.
    static let linger: TimeAmount = .seconds(2)

    /// - Parameter inputClosed: Called when the client has closed its half.
    init(limits: HTTPLimits, inputClosed: @escaping @Sendable () -> Void) {
        state = RequestDeadline(limits: limits, now: .now())
        self.inputClosed = inputClosed
    }

    func channelActive(context: ChannelHandlerContext) {
        schedule(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        if !state.received(unwrapInboundIn(data).readableBytes, at: .now()) { stopReading(context) }
        schedule(context)
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        if isReading || isClosing { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { inputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard let progress = event as? RequestProgress else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        switch progress {
        case .began: state.began(at: .now())
        case .answering: state.answering(at: .now())
        case .answered: state.answered(at: .now())
        case .streaming: state.streaming(at: .now())
        case .leavesHTTP: stopReading(context)
        case .malformed(let isTooLong): refuse(context, isTooLong ? .headerTooLong : .malformedRequest)
        }
        schedule(context)
        promise?.succeed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
    }

    /// A timer that is early asks again, so that most events leave it alone.
    private func schedule(_ context: ChannelHandlerContext) {
        guard context.channel.isActive, !isClosing, let deadline = state.deadline else { return }
        if timer != nil, let timerDeadline, timerDeadline <= deadline { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            self.fire(context)
        }
    }

    private func fire(_ context: ChannelHandlerContext) {
        guard !isClosing, let deadline = state.deadline else { return }
        if deadline > .now() {
            schedule(context)
        } else if state.isReceiving {
            refuse(context, .requestTooSlow)
        } else {
            context.close(promise: nil)
        }
    }

    /// The sender's window fills, and what was answered has time to arrive.
    private func stopReading(_ context: ChannelHandlerContext) {
        guard isReading else { return }
        isReading = false
        closeSoon(context)
    }

    /// Answers in place of those who never got a request.
    private func refuse(_ context: ChannelHandlerContext, _ problem: Problem) {
        guard state.isReceiving, !isClosing else { return }
        isClosing = true
        context.writeAndFlush(wrapOutboundOut(problem.octets), promise: nil)
        context.close(mode: .output, promise: nil)
        closeSoon(context)
    }

    private func closeSoon(_ context: ChannelHandlerContext) {
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) { context.close(promise: nil) }
    }
}

/// Behind the decoder: has what it cannot read answered with a problem document.
final class DecodingErrorHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !(error is IOError), !(error is ChannelError) {
            // NIO's error for it is in a module that is not ours to import.
            let isTooLong = String(describing: error).contains("overflow")
            context.triggerUserOutboundEvent(RequestProgress.malformed(isTooLong: isTooLong), promise: nil)
        }
        context.fireErrorCaught(error)
    }
}

extension Problem {
    /// A whole response, for a client that nobody else answers.
    var octets: ByteBuffer {
        let body = document
        var head = "HTTP/1.1 \(Response(status: .init(code: status)).status)\r\nConnection: close\r\n"
        head += "Content-Length: \(body.readableBytes)\r\n"
        for field in fields where field.name != .connection {
            head += "\(field.name.rawName): \(field.value)\r\n"
        }
        var octets = ByteBuffer(string: head + "\r\n")
        octets.writeImmutableBuffer(body)
        return octets
    }
}
