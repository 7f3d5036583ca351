import Foundation
import Logging
import SigmaSettings
import SigmaSystem

/// What `main.swift` of `sigma-signal` does once its arguments allow it.
package enum SignalProgram {
    /// Serves with the settings of this process's environment until it is told to stop.
    ///
    /// - Throws: ``StartError`` where it cannot start.
    package static func run() async throws {
        EventLoopExecutor.limitLoops()
        let environment = ProcessInfo.processInfo.environment
        var settings: SignalSettings
        do {
            settings = try SignalSettings(environment: environment)
        } catch {
            throw StartError(error)
        }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let logger = Logger(label: "sigma-signal")
        for name in unknownVariables(in: environment) { logger.warning("\(name) is no variable of Sigma") }
        settings.httpLimits.connections = affordable(settings.httpLimits.connections, logger)
        let inherited = InheritedDescriptors(environment: environment)
        let server = SignalServer(settings: settings, inherited: inherited, logger: logger)
        try server.openStore()
        let listener = Listener(settings: settings, inherited: inherited)
        let port = try await server.listen(on: listener)
        try await server.listenForOperators()
        if case .inherited = listener, port != Int(settings.tcpPort), environment["TCP_PORT"] != nil {
            logger.warning("TCP_PORT: the inherited socket with port \(port) is used instead")
        }
        let notifySocket = environment["NOTIFY_SOCKET"]
        ServiceNotification.send("READY=1", socketPath: notifySocket)
        try await server.run()
        ServiceNotification.send("STOPPING=1", socketPath: notifySocket)
    }

    /// As many connections as there are descriptors for: one too many is refused with an answer, where a
    /// descriptor too many is not even accepted, and media could not be reached either.
    private static func affordable(_ connections: Int?, _ logger: Logger) -> Int? {
        let spare = 64
        let descriptors = OpenFileLimit.raise()
        guard connections ?? .max > descriptors - spare else { return connections }
        let possible = max(1, descriptors - spare - ConnectionRegistry.maximumRefusals)
        logger.warning(
            """
            SIGMA_HTTP_CONNECTIONS: \(possible) are possible with \(descriptors) descriptors; raise LimitNOFILE \
            or ulimit -n for more
            """)
        return possible
    }
}
