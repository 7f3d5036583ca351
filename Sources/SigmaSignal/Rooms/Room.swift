package import SigmaControl
package import SigmaSDP

/// What is known of one publisher or viewer.
package struct Session: Sendable, Equatable {
    package let id: SessionID
    package let room: RoomID
    package let role: SessionRole
    /// Media has answered that it serves the session.
    package var isOpen: Bool
    /// DTLS is done and the peer is heard from.
    package var isConnected: Bool
    /// Of a publisher: what media has said last of each m-section that has any.
    package private(set) var troubles: [TrackTrouble] = []
    /// The peer's ICE credentials and the entity tag of ours; `nil` after a restart of signal.
    package var description: Description?

    /// What a PATCH is compared with (RFC 9725 §4.3).
    package struct Description: Sendable, Equatable {
        package let remote: ICECredentials
        /// With its quotes.
        package var entityTag: String?

        package init(remote: ICECredentials, entityTag: String?) {
            self.remote = remote
            self.entityTag = entityTag
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

/// A broadcast, one publisher and its viewers, which lives as long as its publisher.
package struct Room: Sendable, Equatable {
    package let id: RoomID
    /// `nil` for an unnamed room, and after a restart of signal until somebody asks for the name.
    package var name: RoomName?
    package internal(set) var publisher: SessionID
    /// Publishers that have the room once they are connected, and what they send.
    package internal(set) var successors: [SessionID: PublishedMedia] = [:]
    package var viewers: Set<SessionID> = []
    /// What viewers' offers are matched with.
    package var media: PublishedMedia
    /// Media has accepted a packet of the publisher.
    package var isLive = false
    /// Of the picture, in pixels.
    package var size: Size?

    package struct Size: Sendable, Equatable {
        package let width: UInt32
        package let height: UInt32
    }

    /// What is assumed of a publisher whose offer was not seen: what practically all of them send.
    package static let assumedMedia = PublishedMedia(
        audio: .init(),
        video: H264Profile(profileLevelID: 0x42_e01f).map { .init(profile: $0, packetizationMode: 1) })
}

/// A room as others see it.
package struct RoomSummary: Sendable, Equatable {
    package let id: RoomID
    package let name: RoomName?
    /// Connected viewers.
    package let viewerCount: Int
    package let isLive: Bool
    package let size: Room.Size?
    /// What the streamer should change, the most important first.
    package let advice: [Advice]
}
