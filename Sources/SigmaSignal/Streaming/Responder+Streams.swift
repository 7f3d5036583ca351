import HTTPTypes
import Hummingbird

// What goes on after its answer has begun.
extension Responder {
    /// The stream that a request asks for; `nil` for a request of another kind.
    func stream(_ request: Request, _ client: ClientConnection) async throws(Problem) -> StreamAnswer? {
        guard mayStream(request) else { return nil }
        try limiter.take(.request, by: client.limitedAddress)
        try admit(request, client)
        if case .notifications = Route(path: request.uri.path) {
            return StreamAnswer(hubs: roomFeed.hubs) { [roomFeed] _ in RoomReader(roomFeed) }
        }
        return try await events(request, client)
    }

    /// Whether the answer may go on.
    func mayStream(_ request: Request) -> Bool {
        guard request.method == .get else { return false }
        return switch Route(path: request.uri.path) {
        case .notifications, .events: true
        default: false
        }
    }

    private func events(_ request: Request, _ client: ClientConnection) async throws(Problem) -> StreamAnswer
    {
        do {
            let audience: EventAudience = access.isOperator ? .operators : .everybody
            return StreamAnswer(
                hubs: eventFeed.hubs,
                source: try await eventFeed.open(after: lastEventID(request), for: audience))
        } catch {
            // Whoever keeps the log says why, once and not to each client.
            throw .eventsUnavailable
        }
    }

    /// The header wins: browsers send it when they come back, to the URL that they began with.
    ///
    /// - Returns: `nil` for one that names none; a number that there never is, for what is no number.
    private func lastEventID(_ request: Request) -> Int64? {
        let header = request.headers[.lastEventID].flatMap { $0.isEmpty ? nil : $0 }
        guard let text = header ?? request.query("last_event_id") else { return nil }
        let isDecimal = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isDecimal ? Int64(text) ?? -1 : -1
    }
}
