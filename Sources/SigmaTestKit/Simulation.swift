package import SigmaCore
internal import SigmaEngine
package import SigmaPeer
package import SigmaWire

/// A publisher and viewers against the real engine: virtual time, a seeded network, no sockets.
///
/// The same seed and the same calls give the same datagrams, octet for octet; ``digest`` proves it.
package final class Simulation {
    /// One peer, and the address the network knows it by.
    package final class Client {
        package let peer: Peer
        package let sessionID: SessionID
        /// Changes when a NAT rebinds it, and with the peer's own move.
        package fileprivate(set) var address: Address
        package fileprivate(set) var events: [(at: Int64, event: PeerEvent)] = []
        /// Octets that the server got from it, and sent to it, before its DTLS was done.
        package fileprivate(set) var unproven = (received: 0, sent: 0)
        fileprivate var isProven = false

        fileprivate init(_ peer: Peer, _ sessionID: SessionID, _ address: Address) {
            self.peer = peer
            self.sessionID = sessionID
            self.address = address
        }

        /// What was received of one kind; the stream with the most packets.
        package func received(_ kind: SigmaPeer.MediaKind) -> ReceiveStatistics? {
            peer.received.values.filter { $0.kind == kind }.max { $0.packets < $1.packets }
        }

        package func firstTime(_ isWanted: (PeerEvent) -> Bool) -> Int64? {
            events.first { isWanted($0.event) }?.at
        }
    }

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
    package private(set) var events: [ServerEvent] = []
    /// Datagrams that the server sent to an address that belongs to nobody.
    package private(set) var sentToStrangers: [Address: Int] = [:]
    /// The first 2000 datagrams that reached the server.
    package private(set) var firstUplink: [[UInt8]] = []
    /// Packets of the server that used the SSRC and index of another one.
    package var reusedIndices: Int { audit.reused }
    /// Over every datagram, its time and its addresses.
    package var digest: UInt64 { run.value }
    private var audit = IndexAudit()
    private var run = Digest()
    private let world: VirtualWorld
    private var random: SplitMix64

    package init(seed: UInt64) throws {
        network = SimulatedNetwork(seed: seed)
        random = SplitMix64(seed: seed ^ 0x5151)
        let world = VirtualWorld(seed: seed)
        self.world = world
        let serverSeed = random.next()
        server = try world.run(at: now) { () throws(any Error) in try SimulatedServer(seed: serverSeed) }
    }

    // MARK: Peers

    /// Makes a peer, opens its session and lets it begin.
    ///
    /// - Parameters:
    ///   - fingerprint: What signaling was told, when it is not the peer's own.
    ///   - configure: Changes the configuration before the peer is made.
    ///   - alter: Changes the answer on its way to the peer.
    package func join(
        _ role: PeerRole, room: UInt64 = 1, announcing fingerprint: [UInt8]? = nil,
        _ configure: (inout PeerConfiguration) -> Void = { _ in },
        altering alter: (inout Answer) -> Void = { _ in }
    ) throws -> Client {
        let client = try open(role, room: room, announcing: fingerprint, alter, configure)
        settle()
        return client
    }

    private func open(
        _ role: PeerRole, room: UInt64, announcing fingerprint: [UInt8]?, _ alter: (inout Answer) -> Void,
        _ configure: (inout PeerConfiguration) -> Void
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
                sessionID, room: roomID, offer: peer.offer, announcesFingerprint: fingerprint, at: now)
            alter(&answer)
            peer.accept(answer, at: now)
            let client = Client(peer, sessionID, address)
            clients.append(client)
            return client
        }
    }

    package func setLink(_ client: Client, up: LinkConditions?, down: LinkConditions?) {
        network.set(up, from: client.address, to: SimulatedServer.address)
        network.set(down, from: SimulatedServer.address, to: client.address)
    }

    /// The host itself gets a new address, and knows it.
    package func move(_ client: Client, to address: Address) {
        client.address = address
        world.run(at: now) { client.peer.changeLocalAddress(address, at: now) }
        settle()
    }

    /// A NAT maps the peer to a new address; the peer does not know.
    package func rebind(_ client: Client, to address: Address) { client.address = address }

    /// Drives a peer from outside and lets what follows happen.
    package func act(_ client: Client, _ body: (Peer, Int64) -> Void) {
        world.run(at: now) { body(client.peer, now) }
        settle()
    }

    package func close(_ client: Client, reason: EndReason = .requested) throws {
        try world.run(at: now) { () throws(any Error) in
            try server.close(client.sessionID, reason: reason, at: now)
        }
        settle()
    }

    /// Sends octets to the server from anywhere.
    package func inject(_ bytes: [UInt8], from source: Address) {
        network.send(bytes, from: source, to: SimulatedServer.address, at: now)
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
        var times = clients.compactMap { $0.peer.deadline }
        if let arrival = network.nextArrival { times.append(arrival) }
        if let deadline = server.deadline { times.append(deadline) }
        return times.min()
    }

    private func step() {
        world.run(at: now) {
            while let delivery = network.receive(at: now) { deliver(delivery) }
            for client in clients { client.peer.advance(to: now) }
        }
        settle()
    }

    private func deliver(_ delivery: Delivery) {
        fold(delivery)
        if delivery.destination == SimulatedServer.address {
            if firstUplink.count < 2000 { firstUplink.append(delivery.bytes) }
            if let client = clients.first(where: { $0.address == delivery.source }), !client.isProven {
                client.unproven.received += delivery.bytes.count
            }
            server.receive(delivery.bytes, from: delivery.source, at: now)
        } else if let client = clients.first(where: { $0.address == delivery.destination }) {
            client.peer.handle(datagram: delivery.bytes, from: delivery.source, at: now)
        }
    }

    /// Sends what is waiting to be sent and reads the events.
    private func settle() {
        world.run(at: now) {
            server.run(at: now) { path, bytes in
                let client = clients.first { $0.address == path.remote }
                if client == nil { sentToStrangers[path.remote, default: 0] += 1 }
                if let client, !client.isProven { client.unproven.sent += bytes.count }
                audit.note(bytes, isAEAD: client?.peer.protectionProfile == .aeadAES128GCM)
                network.send(bytes, from: path.local, to: path.remote, at: now)
            }
            for client in clients {
                for transmission in client.peer.takeOutput() {
                    network.send(
                        transmission.bytes, from: client.address, to: transmission.path.remote, at: now)
                }
                client.events += client.peer.takeEvents().map { (now, $0) }
            }
        }
        for record in server.takeEvents() {
            guard let event = record.event else { continue }
            if event == .connected { clients.first { $0.sessionID == record.sessionID }?.isProven = true }
            events.append(ServerEvent(at: now, sessionID: record.sessionID, event: event))
        }
    }

    private func fold(_ delivery: Delivery) {
        run.fold(UInt64(bitPattern: delivery.at))
        run.fold(delivery.source.low ^ UInt64(delivery.source.port) << 48)
        run.fold(delivery.destination.low ^ UInt64(delivery.destination.port) << 48)
        run.fold(delivery.bytes)
    }
}
