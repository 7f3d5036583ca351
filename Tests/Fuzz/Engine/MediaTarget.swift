import SigmaCore
import SigmaCrypto
import SigmaEngine
import SigmaTestKit
import SigmaWire

@testable import SigmaPeer

/// Plain RTP and RTCP of an authentic but hostile publisher or viewer, encrypted with its own keys.
///
/// The peers shake hands once for a run of inputs, since that costs a thousand inputs; from then on they only
/// lend their keys. What an input finds may need those before it.
final class MediaTarget {
    private struct Client {
        let peer: Peer
        let sessionID: SessionID
        let answer: Answer
        let address: Address
    }

    private struct Place: Hashable {
        let ssrc: UInt32
        let index: UInt64
    }

    private var world = VirtualWorld(seed: 0)
    private var server: SimulatedServer?
    private var clients: [Client] = []
    /// Of SRTCP, whose index stands in the packet.
    private var audit = IndexAudit()
    /// Of SRTP: the highest index of each SSRC, and what was sent under each.
    private var highest: [UInt32: UInt64] = [:]
    private var sealed: [Place: Int] = [:]
    private var now: Int64 = 0
    private var lastChecks: Int64 = 0
    private var inputs = 0
    /// Continues the publisher's numbers, so that packets pass the replay window.
    private var number: UInt16 = 0
    private var seed: UInt64 = 0

    private static let inputsPerHandshake = 10_000

    func run(_ input: UnsafeRawBufferPointer) -> Int {
        inputs += 1
        if inputs >= Self.inputsPerHandshake || server?.sessions.count != clients.count || clients.isEmpty {
            start()
        }
        // Every other input finds a server that cannot keep up, and drops.
        server?.pace =
            input.count & 1 == 0
            ? SimulatedServer.Pace() : SimulatedServer.Pace(slice: 1, interval: 10_000_000)
        var reader = InputReader(input, limit: 16)
        while let step = reader.next() {
            send(step, as: clients[Int(step.choice & 1)])
            now += 500_000 << Int64(step.choice >> 5)
            if now - lastChecks > 4_000_000_000 { check() }
            settle()
        }
        expect(audit.reused == 0, "one key, SSRC and index over two packets")
        return Int(truncatingIfNeeded: server?.counters.datagramsReceived ?? 0)
    }

    // MARK: Sessions

    private func start() {
        inputs = 0
        seed += 1
        now = 1_000_000_000
        lastChecks = now
        audit = IndexAudit()
        (highest, sealed) = ([:], [:])
        clients = []
        world = VirtualWorld(seed: seed)
        do {
            try world.run(at: now) { () throws(any Error) in
                server = try SimulatedServer(seed: seed)
                for role in [PeerRole.publisher, .viewer] { try join(role) }
            }
        } catch {
            fatalError("a session does not open: \(error)")
        }
        let end = now + 5_000_000_000
        while !clients.allSatisfy({ $0.peer.state == .connected }) {
            expect(now < end, "two peers do not connect")
            now += 5_000_000
            world.run(at: now) {
                for client in clients { client.peer.advance(to: now) }
                settle()
            }
        }
    }

    private func join(_ role: PeerRole) throws {
        guard let server, let room = RoomID(rawValue: 1) else { return }
        let address = Address(v4: 0x0A00_0001 + UInt32(clients.count), port: 40_000)
        let peer = try Peer(PeerConfiguration(role: role, localAddress: address, seed: seed))
        let id = SessionID(high: 7, low: UInt64(clients.count))
        let answer = try server.open(id, room: room, offer: peer.offer, at: now)
        peer.accept(answer, at: now)
        clients.append(Client(peer: peer, sessionID: id, answer: answer, address: address))
    }

    /// The consent of both (RFC 7675 §5.1), without their timers.
    private func check() {
        lastChecks = now
        for client in clients {
            var request = STUNMessageBuilder(
                .request, transaction: TransactionID(high: 3, low: UInt64(bitPattern: now)))
            request.append(
                STUN.Attribute.username, Array("\(client.answer.ufrag):\(client.peer.offer.ufrag)".utf8))
            request.seal(password: Array(client.answer.password.utf8))
            server?.receive(request.bytes, from: client.address, at: now)
        }
    }

    /// What goes out goes to one of the two, and decrypts there; what comes of it goes back.
    private func settle() {
        server?.run(at: now) { path, bytes in
            guard let client = clients.first(where: { $0.address == path.remote }) else {
                fatalError("found: octets out to a stranger")
            }
            let kind = DatagramKind(bytes.span.bytes)
            if kind == .rtp {
                note(bytes)
            } else {
                audit.note(bytes, isAEAD: client.peer.protectionProfile == .aeadAES128GCM)
            }
            guard client.peer.state != .connected || kind == .rtp || kind == .rtcp else { return }
            client.peer.handle(datagram: bytes, from: path.local, at: now)
        }
        for client in clients {
            for stream in client.peer.received.values {
                expect(stream.decryptFailures == 0, "a packet that its receiver cannot decrypt")
                // Nor does the engine send anything twice: it would be a number that hides a wrap.
                expect(stream.duplicates == 0, "a packet that its receiver takes for an old one")
            }
            for transmission in client.peer.takeOutput() where client.peer.state != .closed {
                server?.receive(transmission.bytes, from: client.address, at: now)
            }
            _ = client.peer.takeEvents()
        }
    }

    /// One SSRC and index never protect two packets.
    ///
    /// The index is the one a receiver makes of the number (RFC 3711 §3.3.1), and what it decrypts under that is
    /// right: libsrtp, which gets the packet next, refuses what was sealed under another.
    private func note(_ bytes: [UInt8]) {
        guard bytes.count >= RTP.fixedHeaderLength else { return }
        let ssrc = bytes.span.bytes.bigEndian(UInt32.self, at: 8)
        let number = bytes.span.bytes.bigEndian(UInt16.self, at: 2)
        let index = highest[ssrc].map { SequenceNumber.extend(number, near: $0) } ?? UInt64(number)
        highest[ssrc] = max(highest[ssrc] ?? 0, index)
        let before = sealed.updateValue(bytes.hashValue, forKey: Place(ssrc: ssrc, index: index))
        expect(before == nil || before == bytes.hashValue, "one key, SSRC and index over two packets of RTP")
    }

    // MARK: Packets

    private func send(_ step: InputReader.Step, as client: Client) {
        guard let srtp = client.peer.srtp else { return }
        let plain = dressed(step, as: client.peer)
        guard !plain.isEmpty, plain.count <= 1400 else { return }
        let bytes =
            switch DatagramKind(plain.span.bytes) {
            case .rtp where plain.count >= RTP.fixedHeaderLength: srtp.protectRTP(plain)
            case .rtcp where plain.count >= 8: srtp.protectRTCP(plain)
            case .rtp, .rtcp, .unknown: plain
            // Those are the other target's.
            case .stun, .dtls: nil as [UInt8]?
            }
        if let bytes { server?.receive(bytes, from: client.address, at: now) }
    }

    /// With the SSRC, payload type and next number of a real stream where `detail` asks for them.
    private func dressed(_ step: InputReader.Step, as peer: Peer) -> [UInt8] {
        var octets = step.octets
        guard octets.count >= RTP.fixedHeaderLength, step.detail & 1 != 0 else { return octets }
        let media = peer.offer.media[Int(step.detail >> 1 & 1)]
        let ssrc = media.ssrc ?? 1
        let isRTCP = (192...223).contains(octets[1])
        if step.detail & 4 != 0 {
            var text: [UInt8] = []
            text.append(bigEndian: ssrc)
            octets.replaceSubrange(isRTCP ? 4..<8 : 8..<12, with: text)
        }
        guard !isRTCP else { return octets }
        if step.detail & 8 != 0 { octets[1] = octets[1] & 0x80 | media.formats[0].payloadType }
        if step.detail & 16 != 0 {
            number &+= 1 &+ UInt16(step.detail >> 5)
            octets.replace(bigEndian: number, at: 2)
        }
        return octets
    }
}
