import HTTPTypes
import Hummingbird
import Logging
import SigmaControl
import SigmaSDP
import SigmaSettings

/// Answers every request: finds the route, checks method, token, type and body, asks the switchboard.
struct Responder: Sendable {
    let switchboard: Switchboard
    /// Who reaches the listener that it answers for.
    var access: Access = .everybody
    let token: Secret
    let cors: CORSPolicy
    let iceServers: [ICEServer]
    let limiter: RateLimiter
    /// How long a body may take; `nil` for ever.
    let bodyTimeout: Duration?
    let roomFeed: RoomFeed
    let eventFeed: EventFeed
    let logger: Logger

    /// Never throws: an error is a problem document.
    func respond(to request: Request, from client: ClientConnection) async -> Answer {
        let response: Response
        do {
            if var stream = try await stream(request, client) {
                stream.head = finished(stream.head, request)
                return .stream(stream)
            }
            response = try await answer(request, client)
        } catch {
            response = error.response
        }
        return .response(finished(response, request))
    }

    /// The answer to a request that is not looked into.
    func refuse(_ request: Request, _ problem: Problem) -> Response {
        finished(problem.response, request)
    }

    /// Whether the body of the request would be read: what `Expect: 100-continue` asks (RFC 9110 §10.1.1).
    func wouldRead(_ request: Request) async -> Bool {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            length > RequestBodyLimits.octets
        {
            return false
        }
        switch Route(path: request.uri.path) {
        case .whip(let room):
            guard request.method == .post else { return false }
            return await isAuthorized(request, room)
        case .whep: return request.method == .post
        case .session: return request.method == .patch
        case .api: return request.method == .post || request.method == .patch
        case .rooms, .notifications, .events, .health, .page, .unknown: return false
        }
    }

    /// Takes back what an answer says that nobody received.
    func undo(_ response: Response) async {
        guard response.status == .created, let location = response.headers[.location],
            case .session(let id?) = Route(path: location)
        else { return }
        logger.info("session \(id): its client left before the answer")
        try? await switchboard.end(id)
    }

    private func finished(_ response: Response, _ request: Request) -> Response {
        var response = response
        cors.apply(to: &response, for: request)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ client: ClientConnection) async throws(Problem) -> Response {
        try limiter.take(.request, by: client.limitedAddress)
        let route = Route(path: request.uri.path)
        try admit(request, client)
        let methods = route.methods(access)
        guard !methods.isEmpty else { throw .notFound }
        guard methods.contains(request.method) else { throw .methodNotAllowed(methods) }
        if request.method == .options { return options(route) }
        switch route {
        case .whip(let room):
            return try await request.method == .post
                ? publish(request, room, client) : Response(status: .noContent)
        case .whep(let room):
            return try await request.method == .post ? watch(request, room, client) : probe(request)
        case .session(let id):
            return try await session(request, id)
        case .rooms:
            return json(await roomsDocument(), .ok)
        case .notifications, .events:
            return Response(status: .ok, headers: EventStream.fields)
        case .health:
            return await health()
        case .api(let route):
            return try await api(request, route)
        case .page(let page):
            return page.response
        case .unknown:
            throw .notFound
        }
    }

    /// 200 and not 204, as RFC 9725 §4.2 has it; a preflight needs no token and touches nothing.
    private func options(_ route: Route) -> Response {
        var headers: HTTPFields = [.allow: route.methods(access).map(\.rawValue).joined(separator: ", ")]
        headers[.acceptPost] = route.acceptedType
        return Response(status: .ok, headers: headers)
    }

    /// GET is 204 everywhere; HEAD of a WHEP endpoint names the type (draft-ietf-wish-whep §4.2).
    private func probe(_ request: Request) -> Response {
        request.method == .head
            ? Response(status: .ok, headers: [.contentType: "application/sdp"]) : Response(status: .noContent)
    }
}

// WHIP and WHEP.
extension Responder {
    private func publish(
        _ request: Request, _ room: String?, _ client: ClientConnection
    ) async throws(Problem) -> Response {
        try await authorize(request, room, client)
        try limiter.take(.join, by: client.limitedAddress)
        var name: RoomName?
        if let room {
            guard let valid = RoomName(room) else { throw .invalidRoomName }
            name = valid
        }
        let offer = try await offer(request)
        return created(try await switchboard.publish(offer, to: name, from: client))
    }

    private func watch(
        _ request: Request, _ room: String?, _ client: ClientConnection
    ) async throws(Problem) -> Response {
        try limiter.take(.join, by: client.limitedAddress)
        guard let text = room ?? request.query("target_id") else { throw .missingTarget }
        let ticket = Switchboard.Ticket(
            key: request.bearer ?? request.query("key"), waits: request.query("wait") == "1")
        if ticket.key != nil { try limiter.check(.tokenFailure, by: client.limitedAddress) }
        let offer = try await offer(request)
        // Nothing can be said of rooms before media has told which there are.
        _ = try await switchboard.mediaHello()
        guard let reference = RoomReference(text) else { throw .unknownRoom }
        do {
            return created(try await switchboard.watch(offer, in: reference, with: ticket, from: client))
        } catch .watchKeyNeeded {
            // A wrong one is a guess, none is how a player finds out that one is needed.
            if ticket.key != nil { try limiter.take(.tokenFailure, by: client.limitedAddress) }
            throw .watchKeyNeeded
        } catch {
            throw error
        }
    }

    private func offer(_ request: Request) async throws(Problem) -> Offer {
        guard request.hasContentType("application/sdp") else { throw .unsupportedType("application/sdp") }
        let body = try await request.wholeBody(within: bodyTimeout)
        let description: SessionDescription
        do {
            description = try SessionDescription(parsing: body)
        } catch {
            throw Problem(error)
        }
        return try Problem.of { () throws(NegotiationError) in try Offer(description) }
    }

    /// The response to an accepted offer (RFC 9725 §4.2).
    ///
    /// The Location has neither origin nor query: OBS clears a query, and a proxy may have
    /// other ideas of our origin.
    private func created(_ accepted: Switchboard.Accepted) -> Response {
        var headers: HTTPFields = [
            .contentType: "application/sdp", .location: "/session/\(accepted.id.hexadecimal)",
            .eTag: accepted.entityTag, .cacheControl: "no-store",
        ]
        headers.append(
            HTTPField(name: .link, value: "</watch/\(accepted.room)>; rel=\"alternate\"; type=\"text/html\""))
        for server in iceServers { headers.append(HTTPField(name: .link, value: server.linkHeader)) }
        return Response(
            status: .created, headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: accepted.answer)))
    }

    /// Too many wrong tokens, and the right one is not looked at either: else guessing would go on.
    private func authorize(
        _ request: Request, _ room: String?, _ client: ClientConnection
    ) async throws(Problem) {
        try limiter.check(.tokenFailure, by: client.limitedAddress)
        guard await isAuthorized(request, room) else {
            try limiter.take(.tokenFailure, by: client.limitedAddress)
            throw .unauthorized
        }
    }

    /// The key of the room, where it has one, else the server's token; compared in constant time.
    private func isAuthorized(_ request: Request, _ room: String?) async -> Bool {
        guard let given = request.bearer else { return false }
        if let name = room.flatMap({ RoomName($0) }), let key = await switchboard.publishKey(of: name) {
            return key.matches(given)
        }
        return token.matches(given)
    }

    private func session(_ request: Request, _ id: SessionID?) async throws(Problem) -> Response {
        guard let id else { throw .unknownSession }
        switch request.method {
        case .delete:
            // OBS warns on anything but 200.
            try await switchboard.end(id)
            return Response(status: .ok)
        case .patch:
            return try await trickle(request, try await switchboard.session(id))
        default:
            _ = try await switchboard.session(id)
            return Response(status: .noContent)
        }
    }

    /// Accepts candidates of the client and drops them: its checks tell its addresses (RFC 8445 §7.3.1.3).
    ///
    /// New credentials would be an ICE restart, which is refused (RFC 9725 §4.3).
    private func trickle(_ request: Request, _ session: Session) async throws(Problem) -> Response {
        let type = "application/trickle-ice-sdpfrag"
        guard request.hasContentType(type) else { throw .unsupportedType(type) }
        let body = try await request.wholeBody(within: bodyTimeout)
        let fragment: TrickleFragment
        do {
            fragment = try TrickleFragment(parsing: body)
        } catch {
            throw Problem(error)
        }
        let match = request.headers[.ifMatch]
        // Where nobody knows the old ones, what might be a restart is taken for one.
        if let credentials = fragment.credentials, session.description?.matches(credentials) != true {
            throw .restartUnsupported
        }
        if match == "*" { throw .restartUnsupported }
        if let match, let tag = session.description?.entityTag, match != tag { throw .staleEntityTag }
        return Response(status: .noContent)
    }
}

// The rest.
extension Responder {
    private struct Rooms: Encodable {
        struct Room: Encodable {
            let id: UInt64
            let name: String?
            let viewerCount: Int
            let live: Bool
            let width: UInt32?
            let height: UInt32?
            let advice: [Advice]

            enum CodingKeys: String, CodingKey {
                case id, name, live, width, height, advice
                case viewerCount = "viewer_count"
            }
        }
        let rooms: [Room]
    }

    private struct Health: Encodable {
        struct Media: Encodable {
            let connected: Bool
            let program: String?
        }
        struct Storage: Encodable {
            let working: Bool
            /// Why it does not.
            let reason: String?
            /// The history is the one that media was shown.
            let historyIsAnchored: Bool

            enum CodingKeys: String, CodingKey {
                case working, reason
                case historyIsAnchored = "history_is_anchored"
            }
        }
        let status: String
        let media: Media
        let storage: Storage
    }

    /// All rooms.
    func roomsDocument() async -> ByteBuffer {
        await switchboard.rooms { summaries in
            let rooms = summaries.map { room in
                Rooms.Room(
                    id: room.id.number, name: room.name?.text, viewerCount: room.viewerCount,
                    live: room.isLive, width: room.size?.width, height: room.size?.height,
                    advice: room.advice)
            }
            return JSON.encode(Rooms(rooms: rooms))
        }
    }

    private func health() async -> Response {
        let program = try? await switchboard.mediaHello().program
        let (failure, isAnchored) = await switchboard.storageHealth
        let isWell = program != nil && failure == nil
        let health = Health(
            status: program == nil ? "unavailable" : failure == nil ? "ok" : "storage-unavailable",
            media: .init(connected: program != nil, program: program),
            storage: .init(working: failure == nil, reason: failure, historyIsAnchored: isAnchored))
        return json(JSON.encode(health), isWell ? .ok : .serviceUnavailable)
    }

    func json(_ document: ByteBuffer, _ status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: document))
    }
}
