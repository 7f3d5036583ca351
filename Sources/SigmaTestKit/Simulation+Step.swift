internal import SigmaCore
internal import SigmaPeer
internal import SigmaWire

/// What happens at one moment: datagrams arrive, timers run, what follows is sent.
extension Simulation {
    func step() {
        if let pause, pause.end <= now { resume(pause) }
        world.run(at: now) {
            while let delivery = network.receive(at: now) { deliver(delivery) }
            for client in clients {
                guard let due = client.deadline, due <= now else { continue }
                client.isTouched = true
                client.peer.advance(to: now)
            }
        }
        settle()
    }

    private func deliver(_ delivery: Delivery) {
        fold(delivery)
        if delivery.destination == SimulatedServer.address {
            if firstUplink.count < 2000 { firstUplink.append(delivery.bytes) }
            guard pause == nil else {
                if heldBack.count < Self.socketBuffer { heldBack.append(delivery) }
                return
            }
            handOver(delivery)
        } else if let client = current[delivery.destination], !client.isHalted {
            client.isTouched = true
            client.peer.handle(datagram: delivery.bytes, from: delivery.source, at: now)
        }
    }

    private func handOver(_ delivery: Delivery) {
        if let client = owners[delivery.source] {
            if !client.isProven { client.unproven.received += delivery.bytes.count }
            if delivery.isGenuine {
                watch.received(delivery.bytes, from: delivery.source, at: server.time(now))
            }
        }
        server.receive(delivery.bytes, from: delivery.source, arrival: delivery.at, at: now)
    }

    /// Sends what is waiting to be sent and reads the events.
    func settle() {
        world.run(at: now) {
            if pause == nil {
                server.run(at: now) { path, bytes in dispatch(bytes, on: path) }
                checkBounds()
            }
            for client in clients where client.isTouched { collect(client) }
        }
        for record in server.takeEvents() {
            guard let event = record.event else { continue }
            if event == .connected,
                let client = clients.first(where: { $0.sessionID == record.sessionID }), client.isImpostor
            {
                watch.add(.impostorAdmitted(client: client.number), at: now)
            }
            events.append(ServerEvent(at: now, sessionID: record.sessionID, event: event))
        }
    }

    /// A datagram of the server.
    private func dispatch(_ bytes: [UInt8], on path: Path) {
        if current[path.remote] == nil { sentToStrangers[path.remote, default: 0] += 1 }
        let owner = owners[path.remote]
        let isAEAD = owner?.peer.protectionProfile == .aeadAES128GCM
        watch.sent(
            bytes, to: path.remote, isAEAD: isAEAD, repeating: repeated(bytes, owner), at: server.time(now))
        if let owner, !owner.isProven { noteUnproven(bytes, owner) }
        network.send(bytes, from: path.local, to: path.remote, at: now)
    }

    /// The packet that a retransmission to this client repeats, as its first two octets say (RFC 4588 §4); `nil` for
    /// what is none.
    private func repeated(_ bytes: [UInt8], _ client: Client?) -> RepairAudit.Packet? {
        guard let client, !client.rtx.isEmpty, bytes.count > 12,
            DatagramKind(unsafe bytes.span.bytes) == .rtp,
            let media = client.rtx[unsafe bytes.span.bytes.bigEndian(UInt32.self, at: 8)],
            let plain = client.peer.reveal(bytes), let packet = try? RTPPacketView(unsafe plain.span.bytes),
            packet.payloadRange.count >= 2
        else { return nil }
        let number = unsafe plain.span.bytes.bigEndian(UInt16.self, at: packet.payloadRange.lowerBound)
        return RepairAudit.Packet(ssrc: media, number: number)
    }

    private func noteUnproven(_ bytes: [UInt8], _ client: Client) {
        client.isProven = server.hasProof(client.sessionID)
        guard !client.isProven else { return }
        client.unproven.sent += bytes.count
        guard client.unproven.sent > 3 * client.unproven.received else { return }
        watch.add(
            .amplified(
                client: client.number, received: client.unproven.received, sent: client.unproven.sent),
            at: now)
    }

    /// What a peer has to say after it was touched.
    private func collect(_ client: Client) {
        client.isTouched = false
        guard !client.isHalted else { return }
        for transmission in client.peer.takeOutput() {
            if let request = transmission.request { watch.repair.sent(request, in: transmission.bytes) }
            network.send(transmission.bytes, from: client.address, to: transmission.path.remote, at: now)
        }
        client.events += client.peer.takeEvents().map { (now, $0) }
        client.deadline = client.peer.deadline
    }

    // MARK: A server that stands still

    /// Datagrams that the kernel keeps for a program that does not read.
    private static var socketBuffer: Int { 500 }

    /// Lets the server do nothing for a while, as on a machine that is short of time; or, with `clockStops`, on
    /// one that is suspended, whose monotonic clock stands still meanwhile.
    package func pauseServer(for nanoseconds: Int64, clockStops: Bool) {
        pause = Pause(end: now + nanoseconds, lostTime: clockStops ? nanoseconds : 0)
        run(for: nanoseconds)
    }

    private func resume(_ pause: Pause) {
        self.pause = nil
        server.loseTime(pause.lostTime)
        world.run(at: now) {
            for delivery in heldBack {
                handOver(delivery)
                // What one round reads is sent before the next one.
                server.run(at: now) { path, bytes in dispatch(bytes, on: path) }
            }
        }
        heldBack = []
    }

    private func fold(_ delivery: Delivery) {
        run.fold(UInt64(bitPattern: delivery.at))
        run.fold(delivery.source.low ^ UInt64(delivery.source.port) << 48)
        run.fold(delivery.destination.low ^ UInt64(delivery.destination.port) << 48)
        run.fold(delivery.bytes)
    }
}
