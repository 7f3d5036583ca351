import SigmaPeer
import SigmaSystem
import SigmaWire

/// What a client is there for.
enum LoadPurpose: Equatable {
    case publish(room: Int)
    case watch(slot: Int)
    /// Leaves at its first packet.
    case connect(number: Int)
}

/// One peer with a socket of its own, from its POST to its DELETE.
///
/// ```
///  asking ──201──▶ connecting ──DTLS done──▶ connected ──DELETE──▶ left
///     └───────────────┴──────── failure ─────────┴──────────────────▶
/// ```
final class LoadClient {
    enum Phase { case asking, connecting, connected, left }

    let purpose: LoadPurpose
    let peer: Peer
    private let socket: ClientSocket
    /// Whether the peer gets the media, too.
    let decrypts: Bool
    var phase = Phase.asking
    /// When the request was begun, ns of the monotonic clock.
    let askedAt: Int64
    var connectedAt: Int64?
    var firstPacketAt: Int64?
    /// Where the DELETE goes.
    var resource: HTTPURL?
    /// Why it did not connect, or stay.
    private(set) var failure: String?
    /// The failure is among the results.
    var isReported = false
    private(set) var keyframeRequests = 0
    private(set) var refusedDatagrams = 0
    /// Keyframe requests that the media plan has not heard of yet.
    private var newKeyframeRequests = 0

    /// - Throws: What kept it from having a socket or an offer, in words for the operator.
    init(
        _ purpose: LoadPurpose, _ options: LoadOptions, decrypts: Bool, seed: UInt64
    ) throws(LoadError) {
        self.purpose = purpose
        self.decrypts = decrypts
        askedAt = SystemClock.monotonic()
        do throws(SystemError) {
            socket = try ClientSocket(hasArrivalTimes: decrypts)
        } catch {
            throw LoadError(line: "\(error)")
        }
        var configuration = PeerConfiguration(
            role: purpose.isPublisher ? .publisher : .viewer, localAddress: socket.localAddress, seed: seed)
        configuration.profiles = options.profiles
        configuration.setup = options.setup
        configuration.makesMedia = false
        configuration.countsMedia = decrypts
        // Counts what the first try brings.
        configuration.repair.asks = false
        configuration.wallClock = SystemClock.unix()
        do throws(PeerError) {
            peer = try Peer(configuration)
        } catch {
            throw LoadError(line: "\(error)")
        }
    }

    var number: Int32 { socket.number }

    var isLive: Bool { phase != .left && failure == nil }

    /// Takes the server's answer, or fails by what came instead.
    func accept(_ response: HTTPResponse, from url: HTTPURL, at now: Int64) {
        guard response.status == 201 || response.status == 200 else {
            fail("\(url.target): \(response.status) \(response.body.prefix(200))")
            return
        }
        resource = response.headers["location"].flatMap(url.resolve)
        do throws(PeerError) {
            var answer = try Answer(parsing: response.body)
            // One that is on this machine is surely reached over loopback.
            let near = answer.candidates.filter { $0.isLoopback && $0.v4 != nil }
            answer.candidates = near + answer.candidates.filter { !near.contains($0) }
            peer.accept(answer, at: now)
            phase = .connecting
        } catch {
            fail("\(url.target): \(error)")
        }
    }

    func fail(_ line: String) { failure = failure ?? line }

    /// Sends what the peer has made, and takes note of what happened to it.
    func drain(at now: Int64) {
        for transmission in peer.takeOutput() {
            if !socket.send(transmission.bytes, to: transmission.path.remote) { refusedDatagrams += 1 }
        }
        for event in peer.takeEvents() {
            switch event {
            case .pathSelected(let path): try? socket.connect(to: path.remote)
            case .connected:
                connectedAt = connectedAt ?? now
                if phase == .connecting { phase = .connected }
            case .failed(let error): fail("\(error)")
            case .consentExpired: fail("consent expired")
            case .closedByServer: fail("closed by the server")
            case .keyframeRequested:
                keyframeRequests += 1
                newKeyframeRequests += 1
            case .transportFeedback, .bitrateEstimated, .firstFrame, .bye, .retransmissionRequested: break
            }
        }
    }

    func takeKeyframeRequest() -> Bool {
        defer { newKeyframeRequests = 0 }
        return newKeyframeRequests > 0
    }

    func droppedDatagrams() -> Int { socket.droppedDatagrams() }

    /// Says goodbye to the media server; what that does to the peer is no failure.
    func leave(at now: Int64) {
        guard phase != .left else { return }
        phase = .left
        let before = failure
        peer.close(at: now)
        drain(at: now)
        failure = before
    }
}

extension LoadPurpose {
    var isPublisher: Bool {
        if case .publish = self { return true }
        return false
    }
}

/// Why something could not begin; words for the operator.
struct LoadError: Error {
    let line: String
}
