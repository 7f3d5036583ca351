import HTTPTypes

/// What a URL path stands for.
package enum Route: Sendable, Equatable {
    /// `/whip` and `/whip/{room}`; the text is unchecked.
    case whip(room: String?)
    /// `/whep` and `/whep/{room}`; the text is unchecked.
    case whep(room: String?)
    /// `/session/{id}`; `nil` for what no session id can be.
    case session(SessionID?)
    case rooms
    /// The list of rooms as a stream.
    case notifications
    /// The log of events as a stream.
    case events
    case health
    case api(APIRoute)
    /// A page or a part of one.
    case page(Page)
    case unknown

    /// - Parameter path: Without the query; one slash at its end is ignored.
    package init(path: String) {
        var segments = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard segments.first == "", segments.count > 1 else {
            self = .unknown
            return
        }
        segments.removeFirst()
        if segments.count > 1, segments.last == "" { segments.removeLast() }
        switch (segments[0], segments.count > 1 ? segments[1] : nil, segments.count) {
        case ("whip", let room, ...2): self = .whip(room: room)
        case ("whep", let room, ...2): self = .whep(room: room)
        case ("session", let id?, 2): self = .session(SessionID(hexadecimal: id))
        case ("rooms", nil, _): self = .rooms
        case ("notifications", nil, _): self = .notifications
        case ("api", "v1", 3) where segments[2] == "events": self = .events
        case ("api", "v1", 3...): self = APIRoute(segments.dropFirst(2)).map { .api($0) } ?? .unknown
        case ("health", nil, _): self = .health
        default: self = Page(segments).map { .page($0) } ?? .unknown
        }
    }

    /// The methods that are served, for `Allow`.
    func methods(_ access: Access) -> [HTTPRequest.Method] {
        switch self {
        case .whip, .whep: [.get, .head, .options, .post]
        case .session: [.get, .head, .options, .patch, .delete]
        case .rooms, .notifications, .events, .health, .page: [.get, .head, .options]
        case .api(let route): route.methods(access)
        case .unknown: []
        }
    }

    /// For `Accept-Post` (RFC 9725 §4.2).
    var acceptedType: String? {
        switch self {
        case .whip, .whep: "application/sdp"
        case .session, .rooms, .notifications, .events, .health, .api, .page, .unknown: nil
        }
    }
}
