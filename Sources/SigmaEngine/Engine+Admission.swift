package import SigmaCore

extension Engine {
    /// Looks whether a session may be opened now.
    ///
    /// Overload comes last: whoever is refused for another reason should hear that one.
    ///
    /// - Throws: ``CommandError``; counted.
    mutating func admit(_ request: SessionRequest) throws(CommandError) {
        if slots[request.sessionID] != nil { try refuse(.sessionExists) }
        if request.role == .publisher, !request.takesOver, let place = roomPlaces[request.roomID],
            rooms[place].publisher != nil
        {
            try refuse(.roomOccupied)
        }
        if slab.freeCount == 0 { try refuse(.full) }
        if load.refuses(request.role) { try refuse(.overloaded) }
    }

    private mutating func refuse(_ reason: CommandError) throws(CommandError) {
        counters.noteRefusal(reason)
        throw reason
    }

    /// Measures the load of the last quarter of a second; call it when ``LoadGauge/isDue(at:)`` says so.
    package mutating func measureLoad(_ reading: LoadGauge.Reading, at now: Instant) {
        load.take(
            reading, handshakes: handshakeQueueDepth, answered: handshakesAnswered, at: now)
    }
}
