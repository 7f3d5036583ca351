internal import SigmaCore
internal import SigmaEngine
internal import SigmaPeer
internal import SigmaWire

/// What the server has to keep to at any moment, beyond what each datagram shows.
extension Simulation {
    /// Looks whether the server holds no more than its sessions need.
    func checkBounds() {
        let held = server.resources
        // With time for it nothing waits; without, no track waits twice.
        let fanOutLimit = server.pace.interval == 0 ? 0 : held.sessions * Self.trackLimit
        let isBounded =
            held.sessions <= sessionLimit && held.rooms <= held.sessions
            && held.tuples <= held.sessions * ICELiteAgent.pathLimit && held.fanOuts <= fanOutLimit
            && held.handshakes <= Engine.handshakeQueueLimit + sessionLimit
            && held.early <= held.sessions * Self.earlyLimit
            && server.handshakeConnections <= sessionLimit
        if !isBounded {
            watch.add(.unbounded(held, handshakeConnections: server.handshakeConnections), at: now)
        }
        let dropped = server.counters.outputDropped
        if dropped > 0 { watch.add(.outputDropped(dropped), at: now) }
    }

    /// M-sections of a publisher.
    private static var trackLimit: Int { 8 }
    /// Datagrams that one session may have waiting for its keys.
    private static var earlyLimit: Int { 64 }

    /// Looks whether nothing is held, for when all were silent long enough.
    package func checkFreed() {
        guard server.resources != EngineResources() || server.handshakeConnections > 0 else { return }
        watch.add(
            .notFreed(server.resources, handshakeConnections: server.handshakeConnections), at: now)
    }

    /// Packets that the server has offered again.
    package var offeredAgain: Int { watch.repair.offered }

    /// From now on requests need not be answered: somebody asks for more than there is.
    package func endRepairPromise() { watch.repair.isStrict = false }

    /// What viewers have been sent so far need not be offered again: the source it came from is gone.
    package func supersede() { watch.supersede() }

    /// Looks whether all was offered again that was asked for, and under the same numbers as before.
    package func checkRepair() {
        watch.checkRepair(at: server.time(now))
        for client in clients where client.peer.received.values.contains(where: { $0.contradictions > 0 }) {
            watch.add(.numberContradicted(client: client.number), at: now)
        }
    }

    /// Looks whether viewers miss a number, for publishers whose path lost nothing and that left nothing out.
    ///
    /// What a publisher sends before the server has its keys, beyond what is held back, is a hole in its own stream.
    /// A viewer that is begun with the keyframe in front of it meets that one, and no other.
    package func checkNumbers() {
        watch.checkNumbers(
            lost: server.counters.srtpBeforeKeys, inHoles: clients.count { $0.peer.offer.role == .publisher },
            at: now)
    }
}
