import SigmaCore
import SigmaCrypto
import SigmaPeer
import SigmaTestKit
import SigmaWire

/// The engine's datagram input with two sessions open, a publisher's and a viewer's.
///
/// The harness knows the passwords, so an input can have a path validated; whatever lacks a right
/// MESSAGE-INTEGRITY must bring nothing out, and nothing ever goes where no check came from.
///
/// The sessions are kept for a run of inputs, since to open two costs ten times an input; what an input finds
/// may need those before it.
final class StrangerTarget {
    private let world = VirtualWorld(seed: 1)
    private var server: SimulatedServer
    private let offers: [Offer]
    private var now: Int64 = 1_000_000_000
    private var sessions: [(id: SessionID, answer: Answer)] = []
    private var opened: UInt64 = 0
    private var inputs = 0
    /// Where a right check of these sessions came from.
    private var validated: Set<Address> = []
    private var sent = 0
    /// Octets of these sessions in both directions; no handshake is ever finished here.
    private var octetsIn = 0
    private var octetsOut = 0

    /// The end is said above the limit as well, octets.
    private var goodbyes: Int { 64 * offers.count }

    private static let inputsPerSession = 64
    private static let addresses = (0..<6).map { Address(v4: 0xC633_6400 + UInt32($0), port: 4000) }

    init() throws {
        server = try Self.start(world)
        offers = try [PeerRole.publisher, .viewer].map { role in
            try Peer(
                PeerConfiguration(role: role, localAddress: Self.addresses[0], seed: 7)
            ).offer
        }
    }

    private static func start(_ world: VirtualWorld) throws -> SimulatedServer {
        try world.run(at: 1_000_000_000) { () throws(any Error) in try SimulatedServer(seed: 1) }
    }

    func run(_ input: UnsafeRawBufferPointer) -> Int {
        inputs += 1
        if inputs >= Self.inputsPerSession || server.sessions.count < offers.count { renew() }
        var reader = InputReader(input, limit: 32)
        while let step = reader.next() {
            now += 1_000_000
            world.run(at: now) { take(step) }
            expect(octetsOut <= 3 * octetsIn + goodbyes, "\(octetsOut) octets out for \(octetsIn) octets in")
        }
        return sent
    }

    private func renew() {
        world.run(at: now) { close() }
        (inputs, sent, octetsIn, octetsOut) = (0, 0, 0, 0)
        // Ten virtual years; the clock itself holds 290.
        if now > 315_000_000_000_000_000, let fresh = try? Self.start(world) {
            server = fresh
            now = 1_000_000_000
        }
        world.run(at: now) { open() }
    }

    // MARK: Sessions

    private func open() {
        validated = []
        sessions = []
        guard let room = RoomID(rawValue: 1) else { return }
        for offer in offers {
            opened += 1
            let id = SessionID(high: 1, low: opened)
            do {
                sessions.append((id, try server.open(id, room: room, offer: offer, at: now)))
            } catch {
                fatalError("found: a session does not open: \(error)")
            }
        }
    }

    private func close() {
        for session in sessions { try? server.close(session.id, at: now) }
        drain()
        expect(server.sessions.isEmpty, "a session outlives its end")
        _ = server.takeEvents()
    }

    // MARK: Steps

    private func take(_ step: InputReader.Step) {
        let place = Int(step.detail % 6)
        let source = Self.addresses[place]
        switch step.choice % 6 {
        case 0: deliver(step.octets, from: source)
        case 1: check(step, from: source)
        case 2: forgedCheck(step, from: source)
        case 3:
            now += Int64(step.detail) * 200_000_000
            drain()
        case 4: forgedMedia(step, from: source)
        default: checkWithoutFingerprint(step, from: source)
        }
    }

    /// Octets as they are.
    ///
    /// Nobody signs a check by chance, so the address does not become validated.
    private func deliver(_ octets: [UInt8], from source: Address) {
        drain()
        let before = sent
        receive(octets, from: source)
        drain()
        if !validated.contains(source) {
            expect(sent == before, "octets out for a stranger's datagram")
        }
    }

    /// A Binding request with the attributes of the input, signed with the session's password.
    private func signed(_ step: InputReader.Step) -> STUNMessageBuilder {
        let index = Int(step.detail / 6 % 2)
        let (offer, answer) = (offers[index], sessions[index].answer)
        var request = STUNMessageBuilder(
            step.detail & 0x80 != 0 ? .indication : .request,
            transaction: TransactionID(high: 1, low: UInt64(bitPattern: now)))
        request.append(STUN.Attribute.username, Array("\(answer.ufrag):\(offer.ufrag)".utf8))
        if step.detail & 0x40 != 0 { request.append(STUN.Attribute.useCandidate, []) }
        // The rest of the octets as attributes, cut to what a message may hold.
        var rest = step.octets.prefix(600)
        while rest.count >= 3 {
            let head = Array(rest.prefix(3))
            rest = rest.dropFirst(3)
            let value = Array(rest.prefix(Int(head[2])))
            rest = rest.dropFirst(value.count)
            request.append(UInt16(head[0]) << 8 | UInt16(head[1]), value)
        }
        return request
    }

    private func password(_ step: InputReader.Step) -> [UInt8] {
        Array(sessions[Int(step.detail / 6 % 2)].answer.password.utf8)
    }

    private func check(_ step: InputReader.Step, from source: Address) {
        var request = signed(step)
        request.seal(password: password(step))
        guard step.detail & 0x80 == 0 else {
            silently(request.bytes, from: source)
            return
        }
        drain()
        validated.insert(source)
        let before = sent
        receive(request.bytes, from: source)
        drain()
        expect(sent - before <= 2, "more than a reply and a hello for one check")
    }

    /// Right but for FINGERPRINT, which ICE asks for and MESSAGE-INTEGRITY does not need.
    private func checkWithoutFingerprint(_ step: InputReader.Step, from source: Address) {
        var request = signed(step)
        let input = request.integrityInput()
        request.appendIntegrity(HMACSHA1.code(input, key: password(step)))
        validated.insert(source)
        receive(request.bytes + step.octets.prefix(4), from: source)
        drain()
    }

    /// One octet off, and an attribute of MESSAGE-INTEGRITY that the password did not make.
    private func forgedCheck(_ step: InputReader.Step, from source: Address) {
        var request = signed(step)
        let key = password(step)
        if step.octets.first ?? 0 < 128 {
            request.seal(password: key + [0x21])
            silently(request.bytes, from: source)
            return
        }
        let input = request.integrityInput()
        var code = HMACSHA1.code(input, key: key)
        code[Int(step.detail) % code.count] ^= step.octets[0] | 1
        request.appendIntegrity(code)
        request.appendFingerprint()
        silently(request.bytes, from: source)
    }

    /// SRTP and SRTCP without keys: silence, also towards a validated address.
    private func forgedMedia(_ step: InputReader.Step, from source: Address) {
        var octets = step.octets
        guard !octets.isEmpty else { return }
        octets[0] = 0x80 | octets[0] & 0x3F
        silently(octets, from: source)
    }

    private func silently(_ octets: [UInt8], from source: Address) {
        // What is due by now anyway, such as a DTLS flight again, is not an answer.
        drain()
        let before = sent
        receive(octets, from: source)
        drain()
        expect(sent == before, "octets out for a datagram that is not authentic")
    }

    private func receive(_ octets: [UInt8], from source: Address) {
        octetsIn += octets.count
        server.receive(octets, from: source, at: now)
    }

    private func drain() {
        server.run(at: now) { path, bytes in
            expect(validated.contains(path.remote), "octets out to an address that never sent a right check")
            expect(!bytes.isEmpty && bytes.count <= DatagramBatch.slotLength, "a datagram of wrong length")
            sent += 1
            octetsOut += bytes.count
        }
    }
}
