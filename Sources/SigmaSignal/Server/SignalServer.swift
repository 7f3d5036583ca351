import FoundationEssentials
package import Logging
import ServiceLifecycle
package import SigmaSettings
import UnixSignals

/// The whole of `sigma-signal`.
///
/// 1. ``init(settings:logger:)``
/// 2. ``listen(on:)``, which is where a port in use is found out.
/// 3. ``run(handlesSignals:)``, which returns after graceful shutdown.
package struct SignalServer: Sendable {
    private let http: HTTPServer
    private let switchboard: Switchboard
    private let responder: Responder
    private let logger: Logger
    private let stopping = AsyncStream.makeStream(of: Void.self)

    /// - Parameter eventFeed: The log of events, where one is kept.
    package init(settings: SignalSettings, logger: Logger, eventFeed: EventFeed? = nil) {
        self.logger = logger
        let roomFeed = RoomFeed()
        let control = ControlClient(path: settings.controlSocketPath, logger: logger)
        switchboard = Switchboard(control: control, roomFeed: roomFeed, logger: logger)
        responder = Responder(
            switchboard: switchboard, token: settings.whipToken,
            cors: CORSPolicy(origins: settings.frontendOrigins),
            iceServers: settings.iceServers, limiter: RateLimiter(limits: settings.httpLimits),
            bodyTimeout: settings.httpLimits.bodyTimeout, roomFeed: roomFeed, eventFeed: eventFeed,
            logger: logger)
        http = HTTPServer(
            responder: responder, limits: settings.httpLimits, trustedProxies: settings.trustedProxies,
            logger: logger)
    }

    /// Begins to accept connections.
    ///
    /// - Returns: The port, of interest where 0 was asked for.
    @discardableResult
    package func listen(on listener: Listener) async throws(StartError) -> Int {
        do {
            let port = try await http.listen(on: listener)
            logger.info("listening on \(text(listener, port))")
            return port
        } catch {
            throw StartError(error, listener: listener)
        }
    }

    /// Serves until SIGTERM or SIGINT, then finishes accepted requests, for 10 s at most.
    package func run(handlesSignals: Bool = true) async throws {
        // Stopped in reverse order: HTTP first, since its last requests still need media.
        var configuration = ServiceGroupConfiguration(
            services: [
                ControlService(switchboard: switchboard), RoomFeedService(responder: responder), http,
            ],
            gracefulShutdownSignals: handlesSignals ? [.sigterm, .sigint] : [], logger: Logger(quiet: logger))
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        let group = ServiceGroup(configuration: configuration)
        let stopper = Task {
            for await _ in stopping.stream { await group.triggerGracefulShutdown() }
        }
        defer { stopper.cancel() }
        try await group.run()
        logger.info("stopped")
    }

    /// Stops as a signal would.
    package func stop() {
        stopping.continuation.yield()
    }

    private func text(_ listener: Listener, _ port: Int) -> String {
        switch listener {
        case .address(let address, _): address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .inherited(let descriptor): "inherited socket \(descriptor), port \(port)"
        }
    }
}

/// The connection to media, as a service.
private struct ControlService: Service {
    let switchboard: Switchboard

    func run() async throws {
        await cancelWhenGracefulShutdown { await switchboard.run() }
    }
}

/// The list of rooms as a stream, as a service.
private struct RoomFeedService: Service {
    let responder: Responder

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await responder.roomFeed.run { await responder.roomsDocument() }
        }
    }
}

extension Logger {
    /// A logger for libraries: what they have to say below a warning is of no use to the operator.
    fileprivate init(quiet logger: Logger) {
        self = logger
        logLevel = .warning
    }
}
