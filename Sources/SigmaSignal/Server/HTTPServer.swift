import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import SigmaSettings
import Synchronization

/// Serves HTTP/1.1 on a listener of ours or an inherited one, which Hummingbird's own server cannot take.
///
/// On graceful shutdown it takes no further connections, closes idle ones and finishes accepted requests.
final class HTTPServer: Service {
    private struct Connections {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isQuiescing = false
    }

    private let http: HTTP1Channel
    private let logger: Logger
    private let connections = Mutex(Connections())
    private let (drained, drainedContinuation) = AsyncStream.makeStream(of: Void.self)
    private let server = Mutex<(any Channel)?>(nil)

    /// Most connections at one time; more are closed as they come.
    private static let maximumConnections = 2000

    init(responder: Responder, trustedProxies: [IPPrefix], logger: Logger) {
        self.logger = logger
        var limits = HTTP1Channel.Configuration.DecoderConfiguration()
        limits.maxHeaderListSize = 16 * 1024
        limits.maxHeaderFieldSize = 8 * 1024
        limits.maxHeaderFieldCount = 100
        http = HTTP1Channel(
            responder: { request, writer, channel in
                try await Self.serve(request, writer, channel, responder, trustedProxies)
            },
            configuration: .init(idleTimeout: .seconds(30), httpDecoderConfiguration: limits))
    }

    /// Begins to accept.
    ///
    /// - Returns: The port.
    /// - Throws: What ``StartError`` is made of.
    func listen(on listener: Listener) async throws -> Int {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { self.accept($0) }
        let channel: any Channel
        switch listener {
        case .address(let address, let port):
            channel = try await bootstrap.bind(host: address.description, port: Int(port)).get()
        case .inherited(let descriptor):
            channel = try await bootstrap.withBoundSocket(descriptor).get()
        }
        server.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    /// Serves until graceful shutdown or cancellation.
    func run() async throws {
        guard let server = server.withLock(\.self) else { return }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                try? await server.closeFuture.get()
                for await _ in drained {}
            } onGracefulShutdown: {
                server.close(promise: nil)
                self.quiesce()
            }
        } onCancel: {
            server.close(promise: nil)
            self.quiesce()
            for channel in self.connections.withLock({ Array($0.open.values) }) {
                channel.close(promise: nil)
            }
        }
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let id = ObjectIdentifier(channel)
        let isWelcome = connections.withLock { connections in
            guard !connections.isQuiescing, connections.open.count < Self.maximumConnections else {
                return false
            }
            connections.open[id] = channel
            return true
        }
        guard isWelcome else { return channel.close() }
        channel.closeFuture.whenComplete { _ in self.leave(id) }
        return http.setup(channel: channel, logger: logger).map { value in
            // A task of its own, bounded by the count above: it outlives the listener by its last request.
            Task { await self.http.handle(value: value, logger: self.logger) }
        }
    }

    private func leave(_ id: ObjectIdentifier) {
        let isLast = connections.withLock { connections in
            connections.open[id] = nil
            return connections.isQuiescing && connections.open.isEmpty
        }
        if isLast { drainedContinuation.finish() }
    }

    private func quiesce() {
        let channels = connections.withLock { connections in
            connections.isQuiescing = true
            return Array(connections.open.values)
        }
        for channel in channels {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        if channels.isEmpty { drainedContinuation.finish() }
    }
}

extension HTTPServer {
    private static func serve(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel,
        _ responder: Responder,
        _ trustedProxies: [IPPrefix]
    ) async throws {
        // RFC 9110 §10.1.1; NIO leaves it to us.
        if request.headers[.expect]?.lowercased() == "100-continue" {
            try await writer.writeInformationalHead(HTTPResponse(status: .continue))
        }
        var response = await responder.respond(to: request, from: client(channel, trustedProxies))
        response.headers[.date] = HTTPDate.now
        if response.status == .contentTooLarge || response.status == .requestTimeout {
            // The rest of the body is of no use: time for the answer to arrive, then the end.
            response.headers[.connection] = "close"
            channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        }
        try await writer.write(response: response.head, body: response.body)
    }

    private static func client(_ channel: any Channel, _ trustedProxies: [IPPrefix]) -> ClientConnection {
        let peer = channel.remoteAddress.flatMap { IPAddress($0) }
        return ClientConnection(
            localAddress: channel.localAddress.flatMap { IPAddress($0) },
            isThroughProxy: peer.map { peer in trustedProxies.contains { $0.contains(peer) } } ?? false,
            isConnected: { channel.isActive })
    }
}

extension IPAddress {
    /// - Returns: `nil` for a socket that is not of the internet.
    init?(_ address: SocketAddress) {
        guard let text = address.ipAddress else { return nil }
        self.init(parsing: text)
    }
}
