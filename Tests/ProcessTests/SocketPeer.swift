import Foundation
import Glibc
import SigmaControl
import SigmaPeer
import SigmaSystem
import SigmaWire
import SwiftProtobuf

/// A local port, a class since a noncopyable socket cannot lie in an array.
final class LocalPort {
    private var socket: UDPSocket
    private var batch = DatagramBatch(capacity: 64)

    init() throws { socket = try UDPSocket(binding: Address(high: 0, low: 1, port: 0)) }

    var number: Int32 { socket.number }
    var address: Address { socket.localAddress }

    func send(_ datagram: [UInt8], to remote: Address) {
        batch.append(datagram, on: Path(local: .unspecified, remote: remote))
        socket.send(batch)
        batch.removeAll()
    }

    /// Hands over what waits, each with its sender and the kernel's arrival time, Unix ns.
    func receive(_ body: ([UInt8], Address, Int64) -> Void) {
        while let count = try? socket.receive(), count > 0 {
            for index in 0..<count {
                socket.withDatagram(index) { bytes, length, path, arrival in
                    body(bytes.bytes.array(0..<length), path.remote, arrival)
                }
            }
        }
    }
}

/// A peer on real sockets whose session was opened over the control socket, as `sigma-signal` does it.
final class SocketPeer {
    let peer: Peer
    private let answer: Answer
    /// The current port, and those it had before, still read when the peer moved softly.
    private var ports: [LocalPort]
    private(set) var events: [PeerEvent] = []
    /// The ClientHello it sent.
    private(set) var clientHello: [UInt8]?
    /// Longest time between two packets of media, ns, by the kernel's clock.
    private(set) var longestGap: Int64 = 0
    private var lastMedia: Int64?

    init(
        _ role: PeerRole, _ media: MediaProcess, _ control: ControlSocket, room: UInt64 = 1,
        takesOver: Bool = false, configure: (inout PeerConfiguration) -> Void = { _ in }
    ) throws {
        ports = [try LocalPort()]
        var configuration = PeerConfiguration(
            role: role, localAddress: ports[0].address, seed: .random(in: 1...UInt64.max))
        configuration.video = SyntheticVideo.Settings(bitrate: 1_200_000)
        configure(&configuration)
        let made = try Peer(configuration)
        peer = made
        let lines = made.offer.media.enumerated().map { Self.line($1, place: $0, role) }
        let isActive = configuration.setup == .passive
        let opened = try control.request {
            $0.openSession = .with {
                $0.sessionID = Data((0..<16).map { _ in UInt8.random(in: 0...255) })
                $0.roomID = room
                $0.role = role == .publisher ? .publisher : .viewer
                $0.remoteUfrag = made.offer.ufrag
                $0.remotePassword = made.offer.password
                $0.fingerprints = [Self.fingerprint(made.offer.fingerprint)]
                $0.dtlsRole = isActive ? .client : .server
                $0.media = lines
                $0.cname = "server"
                $0.takesOver = takesOver
            }
        }
        guard case .sessionOpened(let session) = opened.body else { throw ControlSocket.Closed() }
        let hello = try ControlSocket(media).greet()
        answer = Answer(
            ufrag: session.localUfrag, password: session.localPassword,
            fingerprint: [UInt8](hello.certificateFingerprints.first?.digest ?? Data()),
            serverIsActive: isActive, candidates: [media.address],
            media: zip(made.offer.media, lines).map { offered, line in
                Answer.Media(
                    kind: offered.kind, mid: offered.mid, payloadType: UInt8(line.payloadType),
                    ssrc: role == .viewer ? line.ssrcs.first : nil, midExtensionID: Offer.midExtensionID)
            })
    }

    private static func fingerprint(_ digest: [UInt8]) -> Fingerprint {
        .with {
            $0.hashFunction = .sha256
            $0.digest = Data(digest)
        }
    }

    private static func line(_ media: Offer.Media, place: Int, _ role: PeerRole) -> MediaLine {
        .with {
            $0.mid = media.mid
            $0.kind = media.kind == .audio ? .audio : .video
            $0.codec = media.kind == .audio ? .opus : .h264
            $0.payloadType = UInt32(media.formats.first?.payloadType ?? 0)
            $0.clockRate = media.kind == .audio ? 48_000 : 90_000
            $0.ssrcs = [media.ssrc ?? UInt32(place) + 0x5100_0000]
            $0.extensions = [
                .with {
                    $0.kind = .mid
                    $0.id = UInt32(Offer.midExtensionID)
                }
            ]
            $0.nackPli = media.kind == .video
            $0.ccmFir = media.kind == .video
        }
    }

    var address: Address { ports[ports.count - 1].address }
    var numbers: [Int32] { ports.map(\.number) }
    var received: [ReceiveStatistics] { Array(peer.received.values) }
    var gaps: Int { received.reduce(0) { $0 + $1.gaps } }
    var missed: Int { received.reduce(0) { $0 + $1.missedFromPublisher } }
    var packets: Int { received.reduce(0) { $0 + $1.packets } }

    // MARK: What it does

    /// Begins to check.
    func start() { peer.accept(answer, at: SystemClock.monotonic()) }

    /// Sends octets of any kind from its own port.
    func sendRaw(_ datagram: [UInt8]) { ports[ports.count - 1].send(datagram, to: answer.candidates[0]) }

    /// Goes on from another port, checked and nominated anew (RFC 8445 §8.1.1).
    ///
    /// - Parameter isSudden: The former ports are gone at once; else they are still read.
    func move(isSudden: Bool) throws {
        let fresh = try LocalPort()
        ports = isSudden ? [fresh] : ports + [fresh]
        peer.changeLocalAddress(fresh.address, at: SystemClock.monotonic())
    }

    /// Goes back to the port before the current one.
    func moveBack() {
        guard ports.count > 1 else { return }
        ports.swapAt(ports.count - 1, ports.count - 2)
        peer.changeLocalAddress(address, at: SystemClock.monotonic())
    }

    /// Says goodbye.
    func leave() {
        peer.close(at: SystemClock.monotonic())
        step()
    }

    func forgetGaps() { (longestGap, lastMedia) = (0, nil) }

    /// Takes what has come, does what is due, sends what follows.
    func step() {
        for port in ports {
            port.receive { datagram, source, arrival in
                noteGap(datagram, arrival)
                peer.handle(datagram: datagram, from: source, at: SystemClock.monotonic())
            }
        }
        let now = SystemClock.monotonic()
        if let deadline = peer.deadline, deadline <= now { peer.advance(to: now) }
        for transmission in peer.takeOutput() {
            let bytes = transmission.bytes
            if bytes.first == 22, bytes.count > 13, bytes[13] == 1 { clientHello = bytes }
            // Who has lost a port sends from the one that is left, as behind a NAT.
            let port = ports.last { $0.address == transmission.path.local } ?? ports[ports.count - 1]
            port.send(bytes, to: transmission.path.remote)
        }
        events += peer.takeEvents()
    }

    private func noteGap(_ datagram: [UInt8], _ arrival: Int64) {
        guard datagram.count > 12, (128...191).contains(datagram[0]), !(192...223).contains(datagram[1])
        else {
            return
        }
        if let lastMedia { longestGap = max(longestGap, arrival - lastMedia) }
        lastMedia = arrival
    }
}

extension MediaProcess {
    /// Where its peers reach it.
    var address: Address { Address(high: 0, low: 1, port: port) }
}

extension ControlSocket {
    /// The counters of the process, by name.
    func counters() throws -> [String: UInt64] {
        try request { $0.statistics = StatisticsRequest() }.statisticsBegin.counters
    }
}

/// Lets the peers run until the condition holds, or for so long.
///
/// - Returns: Whether it held.
@discardableResult
func run(_ peers: [SocketPeer], seconds: Double, until isDone: () -> Bool = { false }) -> Bool {
    let end = SystemClock.monotonic() + Int64(seconds * 1e9)
    while true {
        for peer in peers { peer.step() }
        if isDone() { return true }
        let now = SystemClock.monotonic()
        guard now < end else { return false }
        let due = peers.compactMap(\.peer.deadline).min() ?? end
        // The condition may hang on the time, too.
        let wait = max(0, min(min(due, end) - now, 5_000_000))
        var entries = peers.flatMap(\.numbers).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        poll(&entries, nfds_t(entries.count), Int32((wait + 999_999) / 1_000_000))
    }
}

/// Runs until all are connected; `false` after 10 s.
func connect(_ peers: [SocketPeer]) -> Bool {
    for peer in peers where peer.peer.state == .made { peer.start() }
    return run(peers, seconds: 10) { peers.allSatisfy { $0.peer.state == .connected } }
}
