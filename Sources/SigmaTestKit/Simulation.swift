package import SigmaCore
internal import SigmaEngine
package import SigmaPeer
package import SigmaWire

/// A publisher and viewers against the real engine: virtual time, a seeded network, no sockets.
///
/// The same seed and the same calls give the same datagrams, octet for octet; ``digest`` proves it.
package final class Simulation {
    package struct ServerEvent: Equatable, Sendable {
        package let at: Int64
        package let sessionID: SessionID
        package let event: Event
    }

    /// Nanoseconds since the simulation began; not 0, so that "never" and "at the start" differ.
    package private(set) var now: Int64 = 1_000_000_000
    package var network: SimulatedNetwork
    package let server: SimulatedServer
    package private(set) var clients: [Client] = []
    package internal(set) var events: [ServerEvent] = []
    /// Datagrams that the server sent to an address that belongs to nobody.
    package internal(set) var sentToStrangers: [Address: Int] = [:]
    /// The first 2000 datagrams that reached the server.
    package internal(set) var firstUplink: [[UInt8]] = []
    /// Packets of the server that used the SSRC and index of another one.
    package var reusedIndices: Int { watch.audit.reused }
    /// What the server did that it must not, and when.
    package var violations: [(at: Int64, violation: Violation)] { watch.violations }
    /// Over every datagram, its time and its addresses.
    package var digest: UInt64 { run.value }
    var watch = Watch()
    /// Whom an address belongs to, and whom it ever belonged to.
    var current: [Address: Client] = [:]
    var owners: [Address: Client] = [:]
    var run = Digest()
    let world: VirtualWorld
    /// While the server stands still, and what came for it meanwhile.
    var pause: Pause?
    var heldBack: [Delivery] = []
    let sessionLimit: Int
    private var random: SplitMix64

    struct Pause {
        let end: Int64
        /// That the server's clock does not know of, ns.
        let lostTime: Int64
    }

    /// - Parameter handshakeLatency: Nanoseconds that a step of a handshake takes at most.
    package init(
        seed: UInt64, sessionLimit: Int = 64, journalCapacity: Int = 4096, handshakeLatency: Int64 = 0,
        shards: Int = 1
    ) throws {
        self.sessionLimit = sessionLimit
        network = SimulatedNetwork(seed: seed)
        random = SplitMix64(seed: seed ^ 0x5151)
        let world = VirtualWorld(seed: seed)
        self.world = world
        let serverSeed = random.next()
        server = try world.run(at: now) { () throws(any Error) in
            try SimulatedServer(
                seed: serverSeed, sessionLimit: sessionLimit, journalCapacity: journalCapacity,
                handshakeLatency: handshakeLatency, shards: shards)
        }
    }

    // MARK: Peers

    /// Makes a peer, opens its session and lets it begin.
    ///
    /// - Parameters:
    ///   - fingerprint: What signaling was told, when it is not the peer's own.
    ///   - takesOver: It is a publisher that may take the room of another.
    ///   - isImpostor: The server must not let it in.
    ///   - configure: Changes the configuration before the peer is made.
    ///   - alter: Changes the answer on its way to the peer.
    package func join(
        _ role: PeerRole, room: UInt64 = 1, announcing fingerprint: [UInt8]? = nil, takesOver: Bool = false,
        isImpostor: Bool = false,
        _ configure: (inout PeerConfiguration) -> Void = { _ in },
        altering alter: (inout Answer) -> Void = { _ in }
    ) throws -> Client {
        let client = try open(
            role, room: room, announcing: fingerprint, takesOver: takesOver, alter, configure)
        client.isImpostor = isImpostor
        settle()
        return client
    }

    private func open(
        _ role: PeerRole, room: UInt64, announcing fingerprint: [UInt8]?, takesOver: Bool,
        _ alter: (inout Answer) -> Void, _ configure: (inout PeerConfiguration) -> Void
    ) throws -> Client {
        let address = Address(v4: 0x0A00_0001 + UInt32(clients.count), port: 40000)
        var configuration = PeerConfiguration(role: role, localAddress: address, seed: random.next())
        configuration.video = SyntheticVideo.Settings(bitrate: 1_200_000)
        configure(&configuration)
        guard let roomID = RoomID(rawValue: room) else { throw CommandError.invalid(.roomID) }
        let sessionID = SessionID(high: 7, low: UInt64(clients.count) + 1)
        return try world.run(at: now) { () throws(any Error) in
            let peer = try Peer(configuration)
            var answer = try server.open(
                sessionID, room: roomID, offer: peer.offer, announcesFingerprint: fingerprint,
                takesOver: takesOver, at: now)
            alter(&answer)
            peer.accept(answer, at: now)
            let client = Client(peer, sessionID, address, number: clients.count)
            for media in answer.media {
                if let ssrc = media.ssrc, let rtx = media.rtxSSRC { client.rtx[rtx] = ssrc }
            }
            clients.append(client)
            place(client, at: address)
            return client
        }
    }

    package func setLink(_ client: Client, up: LinkConditions?, down: LinkConditions?) {
        network.set(up, from: client.address, to: SimulatedServer.address)
        network.set(down, from: SimulatedServer.address, to: client.address)
    }

    private func place(_ client: Client, at address: Address) {
        current[client.address] = nil
        client.address = address
        current[address] = client
        owners[address] = client
    }

    /// The host itself gets a new address, and knows it.
    ///
    /// - Parameter address: One that nobody has had.
    package func move(_ client: Client, to address: Address) {
        place(client, at: address)
        act(client) { peer, now in peer.changeLocalAddress(address, at: now) }
    }

    /// A NAT maps the peer to a new address; the peer does not know.
    ///
    /// - Parameter address: One that nobody has had.
    package func rebind(_ client: Client, to address: Address) { place(client, at: address) }

    /// A peer with two networks checks from both, in this order.
    ///
    /// - Parameter second: One that nobody has had.
    package func check(_ client: Client, from second: Address, _ order: [(isSecond: Bool, nominates: Bool)]) {
        current[second] = client
        owners[second] = client
        for (isSecond, nominates) in order {
            guard let bytes = client.peer.makeCheck(nominates: nominates) else { return }
            let source = isSecond ? second : client.address
            network.send(bytes, from: source, to: SimulatedServer.address, at: now)
        }
    }

    /// Drives a peer from outside and lets what follows happen.
    package func act(_ client: Client, _ body: (Peer, Int64) -> Void) {
        client.isTouched = true
        world.run(at: now) { body(client.peer, now) }
        settle()
    }

    /// Every peer's process ends without a word.
    package func haltAll() {
        for client in clients {
            client.isHalted = true
            client.deadline = nil
        }
    }

    package func close(_ client: Client, reason: EndReason = .requested) throws {
        try world.run(at: now) { () throws(any Error) in
            try server.close(client.sessionID, reason: reason, at: now)
        }
        settle()
    }

    /// Sends octets to the server from anywhere.
    package func inject(_ bytes: [UInt8], from source: Address) {
        network.send(bytes, from: source, to: SimulatedServer.address, at: now, isGenuine: false)
    }

    /// Sends octets to the server from anywhere, so that they arrive at `time`.
    package func inject(_ bytes: [UInt8], from source: Address, arriving time: Int64) {
        network.inject(bytes, from: source, to: SimulatedServer.address, at: max(now, time))
    }

    // MARK: Time

    /// Lets `nanoseconds` pass.
    package func run(for nanoseconds: Int64) { run(until: now + nanoseconds) }

    package func run(until end: Int64) {
        while let next = nextMoment, next <= end {
            now = max(now, next)
            step()
        }
        now = max(now, end)
    }

    /// Runs until `condition` holds.
    ///
    /// - Returns: `false` when it did not within `limit` nanoseconds.
    package func run(upTo limit: Int64, until condition: () -> Bool) -> Bool {
        let end = now + limit
        while !condition() {
            guard let next = nextMoment, next <= end else {
                now = end
                return condition()
            }
            now = max(now, next)
            step()
        }
        return true
    }

    private var nextMoment: Int64? {
        var earliest = Int64.max
        for client in clients {
            if let due = client.deadline { earliest = min(earliest, due) }
        }
        if let due = network.nextArrival { earliest = min(earliest, due) }
        if let due = pause?.end ?? server.deadline { earliest = min(earliest, due) }
        return earliest == .max ? nil : earliest
    }
}
