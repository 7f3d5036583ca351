import FoundationEssentials
import HTTPTypes
import Hummingbird
import SigmaSchema
import SigmaSettings
import SigmaStore

// `/api/v1`, which schema/openapi.yaml describes.
extension Responder {
    /// - Throws: 401 where the listener wants a token and the request has another or none.
    func admit(_ request: Request, _ client: ClientConnection) throws(Problem) {
        guard case .operators(let token?) = access, request.method != .options else { return }
        try limiter.check(.tokenFailure, by: client.limitedAddress)
        guard let given = request.bearer, token.matches(given) else {
            try limiter.take(.tokenFailure, by: client.limitedAddress)
            throw .adminTokenNeeded
        }
    }

    func api(_ request: Request, _ route: APIRoute) async throws(Problem) -> Response {
        switch (route, request.method) {
        case (.rooms, .post):
            return try await createRoom(request)
        case (.rooms, _):
            let rooms =
                access.isOperator ? await switchboard.roomDocuments : await switchboard.publicRoomDocuments
            return json(JSON.encode(RoomsDocument(rooms: rooms)), .ok)
        case (.room(let text), let method):
            return try await room(text, method, request)
        case (.publishKey(let text), let method):
            return try await key(.publish, text, method, request)
        case (.watchKey(let text), let method):
            return try await key(.watch, text, method, request)
        case (.sessions, _):
            return try await sessions(request)
        case (.session(let text), let method):
            return try await session(text, method)
        case (.client(let text), _):
            try await switchboard.eraseClient(of: try number(text), by: access.name)
            return Response(status: .noContent)
        case (.history, _):
            return try await history(request)
        case (.description, _):
            return Self.description
        }
    }

    // MARK: Rooms

    private func createRoom(_ request: Request) async throws(Problem) -> Response {
        let wanted = try await body(request)
        var name: RoomName?
        if let text = wanted.name {
            guard let valid = RoomName(text) else { throw .invalidRoomName }
            name = valid
        }
        let room = try await switchboard.create(
            name, title: try title(wanted.title ?? ""), publishKey: try secret(wanted.publishKey),
            watchKey: try secret(wanted.watchKey), by: access.name)
        var response = json(JSON.encode(room), .created)
        response.headers[.location] = "/api/v1/rooms/\(room.id)"
        return response
    }

    private func room(
        _ text: String, _ method: HTTPRequest.Method, _ request: Request
    ) async throws(Problem) -> Response {
        let room = try await switchboard.existing(RoomReference(text))
        switch method {
        case .patch:
            let wanted = try await body(request)
            guard wanted.name == nil, wanted.publishKey == nil, wanted.watchKey == nil,
                let title = wanted.title
            else { throw .onlyTitleChanges }
            let changed = try await switchboard.setTitle(try self.title(title), of: room, by: access.name)
            return json(JSON.encode(changed), .ok)
        case .delete:
            try await switchboard.end(room, by: access.name)
            return Response(status: .noContent)
        default:
            let document =
                access.isOperator
                ? await switchboard.document(of: room) : try await switchboard.publicDocument(of: room)
            return json(JSON.encode(document), .ok)
        }
    }

    private func key(
        _ key: RoomKey, _ text: String, _ method: HTTPRequest.Method, _ request: Request
    ) async throws(Problem) -> Response {
        let room = try await switchboard.existing(RoomReference(text))
        guard method == .post else {
            try await switchboard.setKey(key, of: room, to: nil, by: access.name)
            return Response(status: .noContent)
        }
        let made = KeyHash.make()
        try await switchboard.setKey(key, of: room, to: made, by: access.name)
        return json(JSON.encode(KeyDocument(key: made.exposed)), .created)
    }

    private func title(_ text: String) throws(Problem) -> String {
        guard text.unicodeScalars.count <= RoomRequest.titleLength,
            !text.unicodeScalars.contains(where: { $0.value < 0x20 })
        else { throw .invalidTitle }
        return text
    }

    private func secret(_ wanted: KeyRequest?) throws(Problem) -> Secret? {
        switch wanted {
        case nil, .some(.none): return nil
        case .make: return KeyHash.make()
        case .given(let text):
            guard (16...128).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else {
                throw .weakKey
            }
            return Secret(text)
        }
    }

    private func body(_ request: Request) async throws(Problem) -> RoomRequest {
        guard request.hasContentType("application/json") else { throw .unsupportedType("application/json") }
        let octets = try await request.wholeBody(within: bodyTimeout)
        do { return try JSONDecoder().decode(RoomRequest.self, from: Data(octets)) } catch {
            throw .malformedJSON
        }
    }

    // MARK: Sessions and history

    private func sessions(_ request: Request) async throws(Problem) -> Response {
        var filter = SessionFilter()
        filter.room = try await roomNumber(request)
        filter.isOpen = try flag(request, "open")
        filter.before = try integer(request, "before")
        filter.limit = try limit(request)
        let rows = try await read { store throws(StoreError) in try await store.sessions(filter) }
        return json(JSON.encode(SessionsDocument(sessions: rows.map { SessionDocument($0) })), .ok)
    }

    private func session(_ text: String, _ method: HTTPRequest.Method) async throws(Problem) -> Response {
        let number = try number(text)
        if method == .delete {
            try await switchboard.kick(number, by: access.name)
            return Response(status: .noContent)
        }
        guard let row = try await read({ store throws(StoreError) in try await store.session(number) }) else {
            throw .unknownSession
        }
        let client = try await read { store throws(StoreError) in try await store.client(of: number) }
        return json(JSON.encode(SessionDocument(row, client: client)), .ok)
    }

    private func history(_ request: Request) async throws(Problem) -> Response {
        var filter = HistoryFilter()
        filter.room = try await roomNumber(request)
        filter.session = try integer(request, "session")
        filter.kinds = request.query("kind")?.split(separator: ",").map(String.init) ?? []
        filter.after = try integer(request, "after")
        filter.before = try integer(request, "before")
        filter.since = try integer(request, "since")
        filter.until = try integer(request, "until")
        filter.isDescending = try flag(request, "reverse") ?? false
        filter.limit = try limit(request)
        let records = try await read { store throws(StoreError) in try await store.history(filter) }
        // The bodies are JSON as they were hashed, and stay so.
        let events = records.map {
            #"{"seq":\#($0.sequence),"hash":"\#($0.hash.hexadecimal)","event":\#($0.body)}"#
        }
        return json(ByteBuffer(string: #"{"events":[\#(events.joined(separator: ","))]}"#), .ok)
    }

    private func read<Value: Sendable>(
        _ body: (Store) async throws(StoreError) -> Value
    ) async throws(Problem) -> Value {
        do { return try await body(switchboard.store) } catch { throw Problem(error) }
    }

    // MARK: Parameters

    private func number(_ text: String) throws(Problem) -> Int64 {
        guard let number = Int64(text), number > 0 else { throw .unknownSession }
        return number
    }

    private func roomNumber(_ request: Request) async throws(Problem) -> Int64? {
        guard let text = request.query("room") else { return nil }
        guard let reference = RoomReference(text) else { throw .unknownRoom }
        // One that has ended is found by its number.
        if let room = await switchboard.find(reference) { return Int64(room.id.number) }
        guard let id = reference.id else { throw .unknownRoom }
        return Int64(id.number)
    }

    private func integer(_ request: Request, _ name: String) throws(Problem) -> Int64? {
        guard let text = request.query(name) else { return nil }
        guard let value = Int64(text), value >= 0 else { throw .invalidParameter(name, "a whole number") }
        return value
    }

    private func flag(_ request: Request, _ name: String) throws(Problem) -> Bool? {
        switch request.query(name) {
        case nil: return nil
        case "true", "1": return true
        case "false", "0": return false
        default: throw .invalidParameter(name, "true or false")
        }
    }

    private func limit(_ request: Request) throws(Problem) -> Int {
        guard let limit = try integer(request, "limit") else { return 100 }
        guard (1...1000).contains(limit) else { throw .invalidParameter("limit", "1 to 1000") }
        return Int(limit)
    }

    private static let description = Response(
        status: .ok, headers: [.contentType: "application/yaml", .cacheControl: "no-cache"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: Schema.openAPI)))
}
