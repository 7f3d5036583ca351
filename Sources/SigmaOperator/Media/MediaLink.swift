import FoundationEssentials
import SigmaControl
import SigmaSettings
import SigmaSystem

/// A connection to media, one request at a time.
///
/// It asks for no events and claims nothing.
final class MediaLink {
    /// What media said first.
    let hello: MediaHello
    private let path: String
    private let connection: UnixConnection
    private var decoder: FrameDecoder
    private var lastRequest: UInt64 = 1

    /// Seconds that media has for an answer.
    private static let patience = 5

    /// - Parameter advice: Added where nobody listens.
    init(path: String, advice: String?) throws(OperatorError) {
        let connection: UnixConnection
        do throws(SystemError) {
            connection = try UnixConnection(path: path, patience: Self.patience)
        } catch {
            let fix =
                error.isPermissionDenied
                ? "run sigmactl as root or as sigma-signal's user"
                : advice ?? "start sigma-media, or set SIGMA_RUNTIME_DIR or --runtime-dir to where it runs"
            throw .unreachable("sigma-media is not reachable at \(path) (\(error)); \(fix)")
        }
        var greeting = ClientMessage()
        greeting.requestID = lastRequest
        greeting.hello.protocolVersion = controlProtocolVersion
        greeting.hello.program = "sigmactl \(sigmaVersion)"
        try Self.send(greeting, connection, path)
        var decoder = FrameDecoder()
        let answer = try Self.receive(&decoder, connection, path)
        guard case .hello(let hello)? = answer.body else { throw Self.surprise(path) }
        guard hello.protocolVersion == controlProtocolVersion else {
            throw .unreachable(
                "sigma-media at \(path) speaks version \(hello.protocolVersion) of the control protocol and "
                    + "sigmactl \(controlProtocolVersion); use the sigmactl of its release")
        }
        self.path = path
        self.hello = hello
        self.decoder = decoder
        self.connection = connection
    }

    /// All sessions that media has.
    func snapshot() throws(OperatorError) -> [SessionItem] {
        let id = try send { $0.snapshot = SnapshotRequest() }
        var sessions: [SessionItem] = []
        while true {
            switch try receive(id) {
            case .snapshotBegin: continue
            case .sessionPage(let page): sessions += page.sessions
            case .streamEnd: return sessions
            default: throw Self.surprise(path)
            }
        }
    }

    /// - Parameter sessions: Their ids; empty for all.
    func statistics(of sessions: [Data]) throws(OperatorError) -> MediaStatistics {
        let id = try send { $0.statistics.sessionIds = sessions }
        var begin = StatisticsBegin()
        var pages: [SessionStatistics] = []
        while true {
            switch try receive(id) {
            case .statisticsBegin(let message): begin = message
            case .statisticsPage(let page): pages += page.sessions
            case .streamEnd: return MediaStatistics(begin: begin, sessions: pages)
            default: throw Self.surprise(path)
            }
        }
    }

    /// Ends a session.
    ///
    /// - Returns: Whether media had it.
    func kick(_ session: Data) throws(OperatorError) -> Bool {
        let id = try send {
            $0.closeSession.sessionID = session
            $0.closeSession.reason = .kicked
        }
        switch try receive(id) {
        case .done: return true
        case .failure(let failure) where failure.code == .notFound: return false
        case .failure(let failure):
            throw .unreachable("sigma-media refuses to end a session: \(failure.detail)")
        default: throw Self.surprise(path)
        }
    }

    private func send(_ fill: (inout ClientMessage) -> Void) throws(OperatorError) -> UInt64 {
        lastRequest += 1
        var message = ClientMessage()
        message.requestID = lastRequest
        fill(&message)
        try Self.send(message, connection, path)
        return lastRequest
    }

    private func receive(_ request: UInt64) throws(OperatorError) -> MediaMessage.OneOf_Body {
        while true {
            let message = try Self.receive(&decoder, connection, path)
            guard message.requestID == request else { continue }
            guard let body = message.body else { throw Self.surprise(path) }
            return body
        }
    }

    private static func send(
        _ message: ClientMessage, _ connection: borrowing UnixConnection, _ path: String
    ) throws(OperatorError) {
        guard let frame = try? message.frame() else { throw surprise(path) }
        do { try connection.write(frame) } catch { throw lost(path, "\(error)") }
    }

    private static func receive(
        _ decoder: inout FrameDecoder, _ connection: borrowing UnixConnection, _ path: String
    ) throws(OperatorError) -> MediaMessage {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let next: [UInt8]?
            do { next = try decoder.next() } catch { throw surprise(path) }
            if let payload = next {
                guard let message = try? MediaMessage(payload: payload) else { throw surprise(path) }
                return message
            }
            let count: Int
            do { count = try connection.read(into: &buffer) } catch { throw lost(path, "\(error)") }
            guard count > 0 else { throw lost(path, "it closed the connection") }
            decoder.append(buffer[0..<count])
        }
    }

    private static func lost(_ path: String, _ reason: String) -> OperatorError {
        .unreachable("sigma-media at \(path) does not answer: \(reason)")
    }

    private static func surprise(_ path: String) -> OperatorError {
        .unreachable("what listens at \(path) does not speak the control protocol of sigma-media")
    }
}

/// What media has counted.
struct MediaStatistics {
    let begin: StatisticsBegin
    let sessions: [SessionStatistics]
}
