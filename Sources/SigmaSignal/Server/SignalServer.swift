import FoundationEssentials
package import Logging
import ServiceLifecycle
package import SigmaSettings
import SigmaStore
import UnixSignals

/// The whole of `sigma-signal`.
///
/// 1. ``init(settings:logger:)``
/// 2. ``openStore()``
/// 3. ``listen(on:)``, which is where a port in use is found out.
/// 4. ``run(handlesSignals:)``, which returns after graceful shutdown.
package struct SignalServer: Sendable {
    private let http: HTTPServer
    private let switchboard: Switchboard
    private let store: Store
    private let logger: Logger
    private let stopping = AsyncStream.makeStream(of: Void.self)

    package init(settings: SignalSettings, logger: Logger) {
        self.logger = logger
        let (commits, continuation) = AsyncStream.makeStream(
            of: Store.Commit.self, bufferingPolicy: .bufferingNewest(1))
        store = Store(path: settings.databasePath, clock: { Switchboard.now() }) { continuation.yield($0) }
        switchboard = Switchboard(
            controlSocket: settings.controlSocketPath, store: store, commits: commits,
            retention: .init(
                history: settings.historyDays.map { Int64($0) * Self.day },
                clients: settings.clientDataDays.map { Int64($0) * Self.day }),
            logger: logger)
        let responder = Responder(
            switchboard: switchboard, token: settings.whipToken,
            cors: CORSPolicy(origins: settings.frontendOrigins),
            iceServers: settings.iceServers, limiter: RateLimiter(limits: settings.httpLimits),
            bodyTimeout: settings.httpLimits.bodyTimeout, logger: logger)
        http = HTTPServer(
            responder: responder, limits: settings.httpLimits, trustedProxies: settings.trustedProxies,
            logger: logger)
    }

    /// Milliseconds.
    private static let day: Int64 = 86_400_000

    /// Opens the database.
    ///
    /// One that is full, locked or damaged does not keep the server from starting: it serves what there is, and
    /// says so. A place where there can be none is the operator's mistake.
    package func openStore() throws(StartError) {
        do {
            try store.open()
        } catch {
            switch error {
            case .inaccessible, .newer: throw StartError(error, database: store.path)
            case .full, .locked, .corrupt, .conflict, .outOfOrder, .other:
                logger.error(
                    "SIGMA_DATABASE: \(store.path): \(error); nothing new is taken until that changes")
            }
        }
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
            services: [ControlService(switchboard: switchboard), http],
            gracefulShutdownSignals: handlesSignals ? [.sigterm, .sigint] : [], logger: Logger(quiet: logger))
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        let group = ServiceGroup(configuration: configuration)
        let stopper = Task {
            for await _ in stopping.stream { await group.triggerGracefulShutdown() }
        }
        defer { stopper.cancel() }
        try await group.run()
        store.close()
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

extension Logger {
    /// A logger for libraries: what they have to say below a warning is of no use to the operator.
    fileprivate init(quiet logger: Logger) {
        self = logger
        logLevel = .warning
    }
}
