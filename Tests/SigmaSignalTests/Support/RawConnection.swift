import NIOCore
import NIOPosix

/// A TCP connection to the server that says what it is told to and no more.
actor RawConnection {
    private let channel: any Channel
    private let incoming: AsyncStream<ByteBuffer>
    private var iterator: AsyncStream<ByteBuffer>.Iterator

    init(port: Int, reading: Bool) async throws {
        let (incoming, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        self.incoming = incoming
        iterator = incoming.makeAsyncIterator()
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reading)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    /// Waits until the octets are handed to the kernel, at most 10 s.
    func send(_ text: String) async throws {
        let channel = channel
        let timer = channel.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
        defer { timer.cancel() }
        try await channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// What comes next.
    func answer() async throws -> String {
        guard let buffer = await next() else { return "" }
        return String(buffer: buffer)
    }

    /// All that comes until the server closes.
    func rest() async throws -> String {
        var text = ""
        while let buffer = await next() { text += String(buffer: buffer) }
        return text
    }

    /// What comes until there is `text` in it, or the server closes.
    func text(until text: String) async throws -> String {
        var (read, end) = ("", "")
        while !end.contains(text), let buffer = await next() {
            let piece = String(buffer: buffer)
            read += piece
            end = end.suffix(text.count) + piece
        }
        return read
    }

    /// Reads from now on, where it did not.
    func startReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
    }

    /// Closes its own half, as a client that has nothing more to ask.
    func closeOutput() async throws {
        try await channel.close(mode: .output).get()
    }

    var isClosed: Bool { !channel.isActive }

    func close() async { try? await channel.close() }

    private func next() async -> ByteBuffer? {
        var iterator = iterator
        defer { self.iterator = iterator }
        return await iterator.next(isolation: self)
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension TestServer {
    func connect(reading: Bool = true, asOperator: Bool = false) async throws -> RawConnection {
        try await RawConnection(port: asOperator ? adminPort : port, reading: reading)
    }
}
