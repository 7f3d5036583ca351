import SigmaPeer
import SigmaSystem
import SigmaWire

/// One peer with a socket of its own, from its POST to its DELETE.
final class LoadClient {
    let peer: Peer
    let role: PeerRole
    private let delays: DelayHistogram
    private var socket: UDPSocket
    /// When the request was sent, ns of the monotonic clock.
    private let askedAt: Int64
    /// Where the DELETE goes.
    private var resource: HTTPURL?
    /// Why it did not connect.
    private(set) var failure: String?
    private(set) var keyframeRequests = 0
    private(set) var packetsSent = 0

    /// Makes the peer and posts its offer.
    ///
    /// - Throws: What kept it from having a session.
    init(
        _ role: PeerRole, at url: HTTPURL, _ options: LoadOptions, seed: UInt64, delays: DelayHistogram
    ) throws(LoadError) {
        self.role = role
        self.delays = delays
        do throws(SystemError) {
            socket = try UDPSocket(binding: Address.unspecified)
        } catch {
            throw .failed("\(error)")
        }
        var configuration = PeerConfiguration(role: role, localAddress: socket.localAddress, seed: seed)
        configuration.profiles = options.profiles
        configuration.setup = options.setup
        configuration.video = SyntheticVideo.Settings(
            bitrate: options.bitrate, framesPerSecond: options.framesPerSecond,
            keyframeInterval: options.keyframeInterval)
        configuration.wallClock = SystemClock.unix()
        askedAt = SystemClock.monotonic()
        do throws(PeerError) {
            peer = try Peer(configuration)
        } catch {
            throw .failed("\(error)")
        }
        let answer = try post(peer.offer, to: url, token: options.token)
        peer.accept(answer, at: SystemClock.monotonic())
    }

    private func post(_ offer: Offer, to url: HTTPURL, token: String?) throws(LoadError) -> Answer {
        do throws(HTTPError) {
            let response = try HTTPClient.send(
                "POST", url, token: token, contentType: "application/sdp", body: offer.text)
            guard response.status == 201 else {
                throw HTTPError(description: "\(url.target): \(response.status) \(response.body.prefix(200))")
            }
            resource = response.headers["location"].flatMap(url.resolve)
            do throws(PeerError) {
                return try Answer(parsing: response.body)
            } catch {
                throw HTTPError(description: "\(url.target): \(error)")
            }
        } catch {
            throw .failed(error.description)
        }
    }

    var descriptor: Int32 { socket.number }

    /// Milliseconds from the request to a moment of the monotonic clock.
    private func milliseconds(to moment: Int64?) -> Double? {
        moment.map { Double($0 - askedAt) / 1e6 }
    }

    var connectMilliseconds: Double? { milliseconds(to: peer.connectedAt) }

    var firstFrameMilliseconds: Double? {
        milliseconds(to: peer.received.values.compactMap(\.firstFrameAt).min())
    }

    // MARK: Steps

    /// Hands over what waits in the socket.
    func receive() {
        while let count = try? socket.receive(), count > 0 {
            let now = SystemClock.monotonic()
            for index in 0..<count {
                socket.withDatagram(index) { bytes, length, path, arrival in
                    let datagram = bytes.bytes.array(0..<length)
                    peer.handle(datagram: datagram, from: path.remote, at: now)
                    if arrival != 0 { noteDelay(datagram, arrival) }
                }
            }
        }
    }

    /// The kernel says when a packet came, whatever this program was busy with.
    private func noteDelay(_ datagram: [UInt8], _ arrival: Int64) {
        guard role == .viewer, datagram.count >= 12, (128...191).contains(datagram[0]),
            !(192...223).contains(datagram[1])
        else { return }
        let ssrc = datagram[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
        guard let capture = peer.received[ssrc]?.lastCapture else { return }
        delays.note(transit: arrival - capture.time)
    }

    /// Does what is due, and sends what came of it.
    func advance(to now: Int64, through batch: inout DatagramBatch) {
        if let deadline = peer.deadline, deadline <= now { peer.advance(to: now) }
        let output = peer.takeOutput()
        for transmission in output {
            if batch.isFull { flush(&batch) }
            // The kernel chooses the source address; the port is the socket's.
            batch.append(transmission.bytes, on: Path(local: .unspecified, remote: transmission.path.remote))
        }
        packetsSent += output.count
        flush(&batch)
        for event in peer.takeEvents() {
            switch event {
            case .failed(let error): failure = failure ?? "\(error)"
            case .consentExpired: failure = failure ?? "consent expired"
            case .closedByServer: failure = failure ?? "closed by the server"
            case .keyframeRequested: keyframeRequests += 1
            case .pathSelected, .connected, .firstFrame, .bye: break
            }
        }
    }

    private func flush(_ batch: inout DatagramBatch) {
        socket.send(batch)
        batch.removeAll()
    }

    /// Says goodbye on both ways.
    func leave(token: String?, through batch: inout DatagramBatch) {
        let failureBefore = failure
        peer.close(at: SystemClock.monotonic())
        advance(to: SystemClock.monotonic(), through: &batch)
        failure = failureBefore
        guard let resource else { return }
        _ = try? HTTPClient.send("DELETE", resource, token: token)
    }
}

/// Why a client has no session; words for the operator.
enum LoadError: Error {
    case failed(String)
}
