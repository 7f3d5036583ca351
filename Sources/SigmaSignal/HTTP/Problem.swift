import FoundationEssentials
import HTTPTypes
import Hummingbird
import SigmaControl
import SigmaSDP
import SigmaStore

/// An error as clients see it: a problem document (RFC 9457).
///
/// `type` is `urn:sigma:problem:` and the slug; it and the status are stable, the texts are for people.
package struct Problem: Error, Equatable {
    package let status: Int
    package let slug: String
    package let title: String
    package let detail: String
    /// Name and value of header fields that go with it.
    package var headers: [[String]] = []

    package var type: String { "urn:sigma:problem:\(slug)" }

    private init(_ status: Int, _ slug: String, _ title: String, _ detail: String, headers: [[String]] = []) {
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.headers = headers
    }

    /// The document as a response.
    var response: Response {
        Response(
            status: .init(code: status), headers: fields, body: ResponseBody(byteBuffer: document))
    }

    var document: ByteBuffer {
        JSON.encode(Document(type: type, title: title, status: status, detail: detail))
    }

    /// The header fields of the response.
    var fields: HTTPFields {
        var fields: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        for header in headers where header.count == 2 {
            if let name = HTTPField.Name(header[0]) { fields[name] = header[1] }
        }
        return fields
    }

    private struct Document: Encodable {
        let type: String
        let title: String
        let status: Int
        let detail: String
    }
}

extension Problem {
    static let unauthorized = Problem(
        401, "unauthorized", "Publishing needs the token",
        "Send the header Authorization: Bearer with the token of this server, or the key of the room if it has one.",
        headers: [["WWW-Authenticate", "Bearer realm=\"sigma\""]])
    static let adminTokenNeeded = Problem(
        401, "admin-token-needed", "The admin API needs its token",
        "Send the header Authorization: Bearer with SIGMA_ADMIN_TOKEN.",
        headers: [["WWW-Authenticate", "Bearer realm=\"sigma admin\""]])
    static let malformedJSON = Problem(
        400, "json-malformed", "Malformed JSON",
        "The body is no JSON object with the fields of this resource.")
    static let invalidTitle = Problem(
        400, "title-invalid", "Not a title",
        "A title has at most \(RoomRequest.titleLength) characters, none of them a control character.")
    static let weakKey = Problem(
        400, "key-invalid", "Not a key",
        "A key has 16 to 128 characters of printable ASCII without blanks; true has one made.")
    static let onlyTitleChanges = Problem(
        400, "room-change-invalid", "Not a change of a room",
        "Give a title and nothing else; keys have resources of their own, names never change.")
    static let notFound = Problem(404, "not-found", "Not found", "There is nothing at this URL.")
    static let unknownRoom = Problem(
        404, "unknown-room", "No such room", "Nobody publishes to a room of this name or number.")
    static let roomNotLive = Problem(
        409, "room-not-live", "Nobody publishes",
        "The room is there, its publisher is not: try again, or add ?wait=1 to be there when it comes.",
        headers: [["Retry-After", "2"]])
    static let roomExists = Problem(
        409, "room-exists", "The room is there already",
        "Choose another name, or change the room that there is.")
    static let tooManyRooms = Problem(
        503, "rooms-exhausted", "Too many rooms", "End some of them, or ask the operator.",
        headers: [["Retry-After", "60"]])
    static let watchKeyNeeded = Problem(
        401, "watch-key-needed", "Watching needs the key of the room",
        "Send the header Authorization: Bearer with the key, or add ?key= with it.",
        headers: [["WWW-Authenticate", "Bearer realm=\"sigma room\""]])
    static let unknownSession = Problem(
        404, "unknown-session", "No such session", "The session has ended, or there never was one here.")
    static let missingTarget = Problem(
        400, "target-missing", "No room given", "Add ?target_id= with the number or the name of a room.")
    static let invalidRoomName = Problem(
        400, "room-name-invalid", "Not a room name",
        "A room name has 1 to 64 of the characters a to z, 0 to 9 and the hyphen.")
    static let roomOccupied = Problem(
        409, "room-occupied", "The room has a publisher",
        "End the other publisher first, or choose another room.")
    static let bodyTooLarge = Problem(
        413, "body-too-large", "The body is too large", "At most \(RequestBodyLimits.octets) octets are read."
    )
    static let bodyTooSlow = Problem(
        408, "body-too-slow", "The body came too slowly", "Send the whole request at once.",
        headers: [["Connection", "close"]])
    static let requestTooSlow = Problem(
        408, "request-too-slow", "The request came too slowly", "Send the whole header at once.")
    static let headerTooLong = Problem(
        431, "header-too-long", "The header is too long", "At most 8 KiB and 100 fields are read.")
    static let malformedRequest = Problem(
        400, "request-malformed", "Malformed request", "This is no HTTP/1.1 request.")
    static let malformedBody = Problem(
        400, "body-malformed", "Malformed body", "The body ended early, or its chunks are none.",
        headers: [["Connection", "close"]])
    static let tooManyConnections = Problem(
        503, "connections-exhausted", "Too many connections",
        "Close some of them, or try again in a moment.", headers: [["Retry-After", "2"]])
    static let restartUnsupported = Problem(
        422, "ice-restart-unsupported", "No ICE restart", "Delete the session and make a new one instead.")
    static let staleEntityTag = Problem(
        412, "entity-tag-stale", "The ICE session is another",
        "If-Match does not name the current ICE session.")
    static let mediaUnavailable = Problem(
        503, "media-unavailable", "Media is not available",
        "The media process is not connected; try again in a moment.", headers: [["Retry-After", "1"]])
    static let mediaAnswerUnusable = Problem(
        500, "media-answer-unusable", "Media gave no usable answer", "The operator finds more in the log.")
    static let noCandidateAddress = Problem(
        500, "no-candidate-address", "No address to offer",
        "The server knows no address of its own; its operator has to set SIGMA_ADVERTISE.")
    static let gone = Problem(
        503, "session-ended", "The session ended while it was opened", "Try again.",
        headers: [["Retry-After", "1"]])
    static let eventsUnavailable = Problem(
        503, "events-unavailable", "The events cannot be read", "Try again in a moment.",
        headers: [["Retry-After", "1"]])
    static let internalError = Problem(
        500, "internal-error", "Internal error", "The operator finds more in the log.")

    /// - Parameter seconds: Until one more is allowed.
    static func rateLimited(retryAfter seconds: Int) -> Problem {
        Problem(
            429, "rate-limited", "Too many requests", "Try again later, and less often.",
            headers: [["Retry-After", String(seconds)]])
    }

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Problem {
        let list = allowed.map(\.rawValue).joined(separator: ", ")
        return Problem(
            405, "method-not-allowed", "Method not allowed", "Use one of \(list).",
            headers: [["Allow", list]])
    }

    static func invalidParameter(_ name: String, _ expected: String) -> Problem {
        Problem(
            400, "parameter-invalid", "Wrong parameter", "The query parameter \(name) must be \(expected).")
    }

    static func unsupportedType(_ expected: String) -> Problem {
        Problem(
            415, "content-type-unsupported", "Wrong content type", "The Content-Type must be \(expected).")
    }

    /// 400 for a description that does not parse.
    init(_ error: SDPError) {
        self.init(400, error.problem, "Malformed SDP", error.detail)
    }

    /// 400 for a trickle fragment that does not parse.
    init(_ error: TrickleError) {
        self.init(400, error.problem, "Malformed trickle fragment", error.detail)
    }

    /// 400 for an offer that breaks a specification, 422 for one that is sound but not served here.
    init(_ error: NegotiationError) {
        self.init(
            error.isMalformed ? 400 : 422, error.problem,
            error.isMalformed ? "Malformed offer" : "Offer not acceptable", error.detail)
    }

    /// What a client hears when nothing can be stored, or this cannot.
    init(_ error: StoreError) {
        switch error {
        case .conflict:
            self = .roomExists
        case .full, .locked, .corrupt, .inaccessible, .newer, .outOfOrder, .other:
            self.init(
                503, "storage-unavailable", "Nothing can be stored",
                "The server cannot write its history now, so it begins nothing new; try again later.",
                headers: [["Retry-After", "5"]])
        }
    }

    /// What a client hears when media did not do as asked.
    init(_ error: ControlError) {
        switch error {
        case .unavailable, .timeout:
            self = .mediaUnavailable
        case .refused(.full), .refused(.draining), .refused(.overloaded):
            self.init(
                503, "overloaded", "No capacity",
                "The server takes no further sessions now; try again later.",
                headers: [["Retry-After", "5"]])
        case .refused(.roomOccupied):
            self = .roomOccupied
        case .refused(.invalid):
            self.init(422, "media-refused", "Offer not acceptable", "The media process refused the session.")
        case .refused, .unexpectedAnswer:
            self = .mediaAnswerUnusable
        }
    }

    /// Does `body`, with its SDP and negotiation errors as problems.
    static func of<Value>(_ body: () throws(NegotiationError) -> Value) throws(Problem) -> Value {
        do { return try body() } catch { throw Problem(error) }
    }
}
