import FoundationEssentials
import SigmaStore

/// A room, as the API gives it.
struct RoomDocument: Encodable, Sendable {
    let id: UInt64
    private(set) var name: String?
    let title: String
    let viewerCount: Int
    let live: Bool
    let width: UInt32?
    let height: UInt32?
    let advice: [Advice]
    /// Watching needs a key.
    let protected: Bool
    /// For operators only, as what follows.
    var lasting: Bool?
    var hasPublishKey: Bool?
    var createdAt: Int64?
    var lastLiveAt: Int64?
    /// The number of its publisher's session.
    var publisher: Int64?
    /// A key that was made now, and is shown once.
    var publishKey: String?
    var watchKey: String?

    enum CodingKeys: String, CodingKey {
        case id, name, title, live, width, height, advice, protected, lasting, publisher
        case viewerCount = "viewer_count"
        case hasPublishKey = "has_publish_key"
        case createdAt = "created_at"
        case lastLiveAt = "last_live_at"
        case publishKey = "publish_key"
        case watchKey = "watch_key"
    }

    init(_ room: RoomSummary) {
        id = room.id.number
        name = room.name?.text
        title = room.title
        viewerCount = room.viewerCount
        live = room.isLive
        width = room.size?.width
        height = room.size?.height
        advice = room.advice
        protected = room.isProtected
    }

    /// Everything about it.
    init(_ room: Room, _ summary: RoomSummary, publisher: Int64?) {
        self.init(summary)
        name = room.name.text
        lasting = room.isLasting
        hasPublishKey = room.keys.publish != nil
        createdAt = room.createdAt
        lastLiveAt = room.lastLiveAt
        self.publisher = publisher
    }
}

struct RoomsDocument: Encodable, Sendable {
    let rooms: [RoomDocument]
}

/// A session, as the API gives it.
struct SessionDocument: Encodable, Sendable {
    struct Client: Encodable, Sendable {
        let address: String
        let userAgent: String

        enum CodingKeys: String, CodingKey {
            case address
            case userAgent = "user_agent"
        }
    }

    let number: Int64
    let room: Int64
    let role: String
    let openedAt: Int64
    let connectedAt: Int64?
    let endedAt: Int64?
    let reason: String?
    let octetsSent: Int64?
    let octetsReceived: Int64?
    var client: Client?

    enum CodingKeys: String, CodingKey {
        case number, room, role, reason, client
        case openedAt = "opened_at"
        case connectedAt = "connected_at"
        case endedAt = "ended_at"
        case octetsSent = "octets_sent"
        case octetsReceived = "octets_received"
    }

    init(_ session: StoredSession, client: ClientData? = nil) {
        number = session.number
        room = session.room
        role = session.role.rawValue
        openedAt = session.openedAt
        connectedAt = session.connectedAt
        endedAt = session.endedAt
        reason = session.reason
        octetsSent = session.octetsSent
        octetsReceived = session.octetsReceived
        self.client = client.map { Client(address: $0.address, userAgent: $0.userAgent) }
    }
}

struct SessionsDocument: Encodable, Sendable {
    let sessions: [SessionDocument]
}

/// What a room is to be, or to become.
struct RoomRequest: Decodable, Sendable {
    var name: String?
    var title: String?
    /// `true` has one made, a text is one.
    var publishKey: KeyRequest?
    var watchKey: KeyRequest?

    enum CodingKeys: String, CodingKey {
        case name, title
        case publishKey = "publish_key"
        case watchKey = "watch_key"
    }

    static let titleLength = 200
}

/// `true`, or the key itself.
enum KeyRequest: Decodable, Sendable, Equatable {
    case make
    case given(String)
    case none

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = flag ? .make : .none
        } else {
            self = .given(try container.decode(String.self))
        }
    }
}

/// A key by itself.
struct KeyDocument: Encodable, Sendable {
    let key: String
}
