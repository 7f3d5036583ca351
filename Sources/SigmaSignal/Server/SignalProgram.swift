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
        let environment = ProcessInfo.processInfo.environment
        let settings: SignalSettings
        do {
            settings = try SignalSettings(environment: environment)
        } catch {
            throw StartError(error)
        }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        let logger = Logger(label: "sigma-signal")
        for name in unknownVariables(in: environment) { logger.warning("\(name) is no variable of Sigma") }
        let server = SignalServer(settings: settings, logger: logger)
        let listener = Listener(settings: settings, inherited: InheritedDescriptors(environment: environment))
        let port = try await server.listen(on: listener)
        if case .inherited = listener, port != Int(settings.tcpPort), environment["TCP_PORT"] != nil {
            logger.warning("TCP_PORT: the inherited socket with port \(port) is used instead")
        }
        let notifySocket = environment["NOTIFY_SOCKET"]
        ServiceNotification.send("READY=1", socketPath: notifySocket)
        try await server.run()
        ServiceNotification.send("STOPPING=1", socketPath: notifySocket)
    }
}
