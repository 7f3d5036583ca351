package import SigmaCore

/// What the engine holds at a moment, so that its bounds and its return to nothing can be seen.
package struct EngineResources: Equatable, Sendable {
    package var sessions = 0
    package var rooms = 0
    package var tuples = 0
    /// Tracks that wait for their fan-out.
    package var fanOuts = 0
    /// Steps of handshakes that wait or are being worked on.
    package var handshakes = 0
    /// Datagrams that wait for keys.
    package var early = 0

    package init() {}
}

extension Engine {
    package var resources: EngineResources {
        var resources = EngineResources()
        resources.sessions = live.count
        resources.rooms = roomPlaces.count
        resources.tuples = tuples.count
        resources.fanOuts = fanOuts.count
        resources.handshakes = handshakeQueueDepth
        resources.early = earlyCount
        return resources
    }

    /// Whether the peer has shown that it gets what is sent to its address, which ends the limit of three
    /// octets out for one in; `false` for a session that is not there.
    package func hasProof(_ sessionID: SessionID) -> Bool {
        slots[sessionID].map { runtimes[$0].hasProof } ?? false
    }
}
