package import FoundationEssentials
package import SigmaControl
package import SigmaSDP
import SigmaStore

/// What is known of one publisher or viewer.
package struct Session: Sendable, Equatable {
    package let id: SessionID
    package let room: RoomID
    package let role: SessionRole
    /// Media has answered that it serves the session.
    package var isOpen: Bool
    /// DTLS is done and the peer is heard from.
    package var isConnected: Bool
    /// What others call it; `nil` until it is stored.
    package var number: Int64?
    /// Of a publisher: what media has said last of each m-section that has any.
    package private(set) var troubles: [TrackTrouble] = []
    /// What a PATCH is compared with; `nil` where nobody has noted it.
    package var description: Description?

    /// Of the peer's and our ICE credentials (RFC 9725 §4.3).
    package struct Description: Sendable, Equatable {
        /// SHA-256 of the peer's, so that it may be stored.
        package let credentials: Data
        /// Ours, with its quotes.
        package var entityTag: String?

        package init(remote: ICECredentials, entityTag: String?) {
            credentials = Self.hash(remote)
            self.entityTag = entityTag
        }

        init(credentials: Data, entityTag: String?) {
            self.credentials = credentials
            self.entityTag = entityTag
        }

        package func matches(_ other: ICECredentials) -> Bool { credentials == Self.hash(other) }

        private static func hash(_ credentials: ICECredentials) -> Data {
            Data(SHA256.hash(Array("\(credentials.ufrag):\(credentials.password)".utf8)))
        }
    }

    package init(
        id: SessionID, room: RoomID, role: SessionRole, isOpen: Bool, isConnected: Bool = false,
        description: Description? = nil
    ) {
        self.id = id
        self.room = room
        self.role = role
        self.isOpen = isOpen
        self.isConnected = isConnected
        self.description = description
    }

    /// All troubles of one m-section, or none.
    mutating func note(_ trouble: TrackTrouble) {
        troubles.removeAll { $0.mediaLine == trouble.mediaLine }
        if !trouble.troubles.isEmpty, troubles.count < Self.troubleLimit { troubles.append(trouble) }
    }

    /// M-sections that a session may have.
    private static let troubleLimit = 8
}

/// A broadcast: one publisher at a time and its viewers.
///
/// A lasting room is there until it is ended; viewers stay in it while no publisher is. Any other lives as long as its
/// publisher.
package struct Room: Sendable, Equatable {
    package let id: RoomID
    package internal(set) var name: RoomName
    package internal(set) var title: String = ""
    package internal(set) var isLasting: Bool
    /// SHA-256 of its own keys.
    package var keys = Keys()
    /// Unix time, ms.
    package let createdAt: Int64
    package internal(set) var lastLiveAt: Int64?
    package internal(set) var publisher: SessionID?
    /// Publishers that have the room once they are connected, and what they send.
    package internal(set) var successors: [SessionID: PublishedMedia] = [:]
    package var viewers: Set<SessionID> = []
    /// What viewers' offers are matched with: what was published last.
    package var media: PublishedMedia
    /// Media has accepted a packet of the publisher.
    package var isLive = false
    /// Of the picture, in pixels.
    package var size: Size?
    /// It has a row; else it is there only while somebody tries to publish to it.
    package internal(set) var isStored = false

    package struct Size: Sendable, Equatable {
        package let width: UInt32
        package let height: UInt32
    }

    /// `nil`: the token of the server publishes, anybody watches.
    package struct Keys: Sendable, Equatable {
        package var publish: KeyHash?
        package var watch: KeyHash?

        package init(publish: KeyHash? = nil, watch: KeyHash? = nil) {
            self.publish = publish
            self.watch = watch
        }
    }

    package init(
        id: RoomID, name: RoomName, isLasting: Bool, createdAt: Int64,
        media: PublishedMedia = Self.assumedMedia
    ) {
        self.id = id
        self.name = name
        self.isLasting = isLasting
        self.createdAt = createdAt
        self.media = media
    }

    /// What is assumed of a publisher whose offer was not seen: what practically all of them send.
    package static let assumedMedia = PublishedMedia(
        audio: .init(),
        video: H264Profile(profileLevelID: 0x42_e01f).map { .init(profile: $0, packetizationMode: 1) })
}

/// A room as others see it.
package struct RoomSummary: Sendable, Equatable {
    package let id: RoomID
    /// `nil` for a room that does not last: nobody chose its name.
    package let name: RoomName?
    package let title: String
    /// Connected viewers.
    package let viewerCount: Int
    package let isLive: Bool
    package let size: Room.Size?
    /// What the streamer should change, the most important first.
    package let advice: [Advice]
    /// Watching it needs a key.
    package let isProtected: Bool
}
