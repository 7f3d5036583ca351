import NIOCore
import SigmaSettings
import Synchronization

/// The open connections of HTTP, across event loops.
final class ConnectionRegistry: Sendable {
    enum Welcome: Sendable {
        case admitted
        /// To be told so, and closed.
        case refused
        /// To be closed without a word: too many are being refused.
        case dropped
    }

    private struct State {
        var table: ConnectionTable<ObjectIdentifier, any Channel>
        var isQuiescing = false
        var refusals = 0
    }

    private let state: Mutex<State>
    private let (drained, drainedContinuation) = AsyncStream.makeStream(of: Void.self)

    /// Connections that are being refused at one time, beyond ``HTTPLimits/connections``.
    static let maximumRefusals = 64

    init(limits: HTTPLimits) {
        state = Mutex(
            State(
                table: ConnectionTable(
                    limit: limits.connections, limitPerAddress: limits.connectionsPerAddress)))
    }

    /// - Parameter address: `nil` for a connection without a limit of its own.
    func welcome(_ channel: any Channel, from address: IPAddress?) -> Welcome {
        let id = ObjectIdentifier(channel)
        let (welcome, displaced) = state.withLock { state -> (Welcome, (any Channel)?) in
            guard !state.isQuiescing else { return (.dropped, nil) }
            switch state.table.admit(id, channel, from: address) {
            case .admitted: return (.admitted, nil)
            case .admittedInsteadOf(let idle): return (.admitted, idle)
            case .refused:
                guard state.refusals < Self.maximumRefusals else { return (.dropped, nil) }
                state.refusals += 1
                return (.refused, nil)
            }
        }
        displaced?.close(promise: nil)
        switch welcome {
        case .admitted: channel.closeFuture.whenComplete { _ in self.leave(id) }
        case .refused: channel.closeFuture.whenComplete { _ in self.state.withLock { $0.refusals -= 1 } }
        case .dropped: break
        }
        return welcome
    }

    /// Notes whether a connection waits for its next request.
    func setIdle(_ channel: any Channel, _ isIdle: Bool) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.table.setIdle(id, isIdle) }
    }

    /// Notes that the client has closed its half of the connection.
    func closeInput(_ id: ObjectIdentifier) {
        state.withLock { $0.table.closeInput(id) }
    }

    /// Whether the client still waits for an answer.
    func isWhole(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        return state.withLock { $0.table.isWhole(id) }
    }

    /// Whether no connection is to begin anything.
    var isQuiescing: Bool { state.withLock { $0.isQuiescing } }

    /// Counts a request through a proxy for its client; `nil` has no limit.
    func beginRequest(from address: IPAddress?) -> Bool {
        guard let address else { return true }
        return state.withLock { $0.table.beginRequest(from: address) }
    }

    func endRequest(from address: IPAddress?) {
        guard let address else { return }
        state.withLock { $0.table.endRequest(from: address) }
    }

    /// Takes no further connections and lets those that are open end after their requests.
    func quiesce() {
        let channels = state.withLock { state in
            state.isQuiescing = true
            return state.table.connections
        }
        for channel in channels {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        if channels.isEmpty { drainedContinuation.finish() }
    }

    func closeAll() {
        for channel in state.withLock({ $0.table.connections }) { channel.close(promise: nil) }
    }

    /// Returns after ``quiesce()`` when the last connection has ended.
    func waitUntilDrained() async {
        for await _ in drained {}
    }

    private func leave(_ id: ObjectIdentifier) {
        let isLast = state.withLock { state in
            state.table.remove(id)
            return state.isQuiescing && state.table.isEmpty
        }
        if isLast { drainedContinuation.finish() }
    }
}
