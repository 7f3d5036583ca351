import HTTPTypes

/// What a path below `/api/v1` stands for; texts are unchecked.
package enum APIRoute: Sendable, Equatable {
    case rooms
    case room(String)
    case publishKey(String)
    case watchKey(String)
    case sessions
    case session(String)
    /// Who a session is of.
    case client(String)
    case history
    case description

    /// - Parameter segments: Of the path, after `/api/v1`.
    init?(_ segments: some Collection<String>) {
        let segments = Array(segments)
        switch (segments.first, segments.count) {
        case ("rooms", 1): self = .rooms
        case ("rooms", 2): self = .room(segments[1])
        case ("rooms", 3) where segments[2] == "publish-key": self = .publishKey(segments[1])
        case ("rooms", 3) where segments[2] == "watch-key": self = .watchKey(segments[1])
        case ("sessions", 1): self = .sessions
        case ("sessions", 2): self = .session(segments[1])
        case ("sessions", 3) where segments[2] == "client": self = .client(segments[1])
        case ("history", 1): self = .history
        case ("openapi.yaml", 1): self = .description
        default: return nil
        }
    }

    /// The methods that are served, for `Allow`.
    func methods(_ access: Access) -> [HTTPRequest.Method] {
        let reading: [HTTPRequest.Method] = [.get, .head, .options]
        guard access.isOperator else {
            switch self {
            case .rooms, .room, .description: return reading
            case .publishKey, .watchKey, .sessions, .session, .client, .history: return []
            }
        }
        switch self {
        case .rooms: return reading + [.post]
        case .room: return reading + [.patch, .delete]
        case .publishKey, .watchKey: return [.options, .post, .delete]
        case .session: return reading + [.delete]
        case .client: return [.options, .delete]
        case .sessions, .history, .description: return reading
        }
    }
}
