import FoundationEssentials
package import Logging
import ServiceLifecycle
package import SigmaSettings
import SigmaStore
package import SigmaSystem
import Synchronization
import UnixSignals

/// The whole of `sigma-signal`.
///
/// 1. ``init(settings:logger:)``
/// 2. ``openStore()``
/// 3. ``listen(on:)`` and ``listenForOperators()``, which is where a port in use is found out.
/// 4. ``run(handlesSignals:)``, which returns after graceful shutdown.
package struct SignalServer: Sendable {
    private let http: HTTPServer
    /// One for each listener of operators.
    private let admin: [(listener: Listener, server: HTTPServer)]
    private let switchboard: Switchboard
    private let store: Store
    private let responder: Responder
    private let logger: Logger
    private let stopping = AsyncStream.makeStream(of: Void.self)

    /// - Parameter eventFeed: Instead of the one that the history is.
    package init(
        settings: SignalSettings, inherited: InheritedDescriptors, logger: Logger, eventFeed: EventFeed? = nil
    ) {
        self.logger = logger
        let (commits, continuation) = AsyncStream.makeStream(
            of: Store.Commit.self, bufferingPolicy: .bufferingNewest(1))
        let appended = Mutex<EventFeed?>(nil)
        store = Store(path: settings.databasePath, clock: { Switchboard.now() }) { commit in
            appended.withLock(\.self)?.append(commit.records.map { LoggedEvent($0) })
            continuation.yield(commit)
        }
        let roomFeed = RoomFeed()
        let ownFeed = EventFeed(log: StoredEventLog(store: store))
        appended.withLock { $0 = ownFeed }
        switchboard = Switchboard(
            controlSocket: settings.controlSocketPath, store: store, commits: commits,
            retention: .init(
                history: settings.historyDays.map { Int64($0) * Self.day },
                clients: settings.clientDataDays.map { Int64($0) * Self.day }),
            roomFeed: roomFeed, eventFeed: ownFeed, logger: logger)
        responder = Responder(
            switchboard: switchboard, token: settings.whipToken,
            cors: CORSPolicy(origins: settings.frontendOrigins),
            iceServers: settings.iceServers, limiter: RateLimiter(limits: settings.httpLimits),
            bodyTimeout: settings.httpLimits.bodyTimeout, roomFeed: roomFeed, eventFeed: eventFeed ?? ownFeed,
            logger: logger)
        http = HTTPServer(
            responder: responder, limits: settings.httpLimits, trustedProxies: settings.trustedProxies,
            logger: logger)
        admin = Listener.forOperators(settings: settings, inherited: inherited).map {
            [responder] (listener, access) in
            var own = responder
            own.access = access
            return (
                listener,
                HTTPServer(
                    responder: own, limits: settings.httpLimits, trustedProxies: settings.trustedProxies,
                    logger: logger)
            )
        }
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

    /// Begins to accept operators.
    ///
    /// - Returns: The port of the TCP listener; `nil` where there is none.
    @discardableResult
    package func listenForOperators() async throws(StartError) -> Int? {
        var found: Int?
        for (listener, server) in admin {
            do {
                let port = try await server.listen(on: listener)
                logger.info("the admin API listens on \(text(listener, port))")
                if port != 0 { found = port }
            } catch {
                throw StartError(error, forOperators: listener)
            }
        }
        return found
    }

    /// Serves until SIGTERM or SIGINT, then finishes accepted requests, for 10 s at most.
    package func run(handlesSignals: Bool = true) async throws {
        // Stopped in reverse order: HTTP first, since its last requests still need media.
        var configuration = ServiceGroupConfiguration(
            services: [
                ControlService(switchboard: switchboard), RoomFeedService(responder: responder),
            ] + admin.map(\.server) + [http],
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
        case .file(let path): path
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
