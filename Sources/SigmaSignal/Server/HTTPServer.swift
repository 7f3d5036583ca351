import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import SigmaSettings
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Serves HTTP/1.1 on a listener of ours or an inherited one, which Hummingbird's own server cannot take.
///
/// On graceful shutdown it takes no further connections, closes idle ones and finishes accepted requests.
final class HTTPServer: Service {
    private let http: HTTP1Channel
    private let limits: HTTPLimits
    private let origin: ClientOrigin
    private let registry: ConnectionRegistry
    private let logger: Logger
    private let server = Mutex<(any Channel)?>(nil)

    /// Longest header of a request, in octets.
    private static let maximumHeaderLength = 8 * 1024

    init(responder: Responder, limits: HTTPLimits, trustedProxies: [IPPrefix], logger: Logger) {
        self.limits = limits
        self.logger = logger
        origin = ClientOrigin(proxies: trustedProxies, unlimited: limits.unlimited)
        registry = ConnectionRegistry(limits: limits)
        let exchange = HTTPExchange(responder: responder, origin: origin, registry: registry)
        let decoding = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: Self.maximumHeaderLength, maxHeaderListSize: Self.maximumHeaderLength,
            maxHeaderFieldCount: 100)
        http = HTTP1Channel(
            responder: { request, writer, channel in try await exchange.serve(request, writer, channel) },
            configuration: .init(
                additionalChannelHandlers: [DecodingErrorHandler()], httpDecoderConfiguration: decoding))
    }

    /// Begins to accept.
    ///
    /// - Returns: The port.
    /// - Throws: What ``StartError`` is made of.
    func listen(on listener: Listener) async throws -> Int {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { self.accept($0) }
        let channel: any Channel
        switch listener {
        case .address(let address, let port):
            channel = try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: address.description, port: Int(port)).get()
        case .inherited(let descriptor):
            channel = try await bootstrap.withBoundSocket(descriptor).get()
        case .file(let path):
            channel = try await bind(bootstrap, path)
        }
        server.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    /// Binds a socket that only this user may open, from its first moment.
    private func bind(_ bootstrap: ServerBootstrap, _ path: String) async throws -> any Channel {
        let mask = umask(0o177)
        defer { umask(mask) }
        return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    }

    /// Serves until graceful shutdown or cancellation.
    func run() async throws {
        guard let server = server.withLock(\.self) else { return }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                try? await server.closeFuture.get()
                await registry.waitUntilDrained()
            } onGracefulShutdown: {
                server.close(promise: nil)
                self.registry.quiesce()
            }
        } onCancel: {
            server.close(promise: nil)
            self.registry.quiesce()
            self.registry.closeAll()
        }
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        // Whom a proxy's connection is for is known with each request only.
        let address = channel.remoteAddress.flatMap { IPAddress($0) }.flatMap { origin.limited($0) }
        switch registry.welcome(channel, from: address) {
        case .dropped:
            return channel.close()
        case .refused:
            return channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(ConnectionRefusal())
            }
        case .admitted:
            return serve(channel)
        }
    }

    private func serve(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let id = ObjectIdentifier(channel)
            let first = ConnectionGuard(limits: limits, inputClosed: { self.registry.closeInput(id) })
            try channel.pipeline.syncOperations.addHandler(first)
        }.flatMap {
            self.http.setup(channel: channel, logger: self.logger)
        }.map { value in
            // A task of its own, bounded by the registry: it outlives the listener by its last request.
            let executor = EventLoopExecutor(channel.eventLoop)
            Task(executorPreference: executor) { await self.http.handle(value: value, logger: self.logger) }
            // Told before it had anybody to tell.
            if self.registry.isQuiescing {
                channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
        }
    }
}
