package import SigmaControl
package import SigmaSDP

/// The rooms and sessions that signal believes in.
///
/// A value: what happens to it is decided here, what follows from that is done by the caller. Belief is
/// repaired by ``reconcile(with:)`` after every connection to media; counts are always sizes of sets.
package struct RoomTable: Sendable {
    package private(set) var sessions: [SessionID: Session] = [:]
    package private(set) var rooms: [RoomID: Room] = [:]

    package init() {}

    /// Takes the room for a publisher that is about to be opened, or puts it behind the one that has it.
    ///
    /// - Returns: `false` when the session is known, or too many want the room.
    package mutating func reserve(_ publisher: Session, name: RoomName?, media: PublishedMedia) -> Bool {
        guard publisher.role == .publisher, sessions[publisher.id] == nil else { return false }
        if let room = rooms[publisher.room] {
            guard room.successors.count < Self.successorLimit else { return false }
            rooms[publisher.room]?.successors[publisher.id] = media
        } else {
            rooms[publisher.room] = Room(
                id: publisher.room, name: name, publisher: publisher.id, media: media)
        }
        sessions[publisher.id] = publisher
        return true
    }

    /// Who tries again and again need not wait for the tries before to run out; but none fills the server.
    private static let successorLimit = 4

    /// Adds a viewer that is about to be opened.
    ///
    /// - Returns: Whether the room is there.
    package mutating func admit(_ viewer: Session) -> Bool {
        guard viewer.role == .viewer, rooms[viewer.room] != nil, sessions[viewer.id] == nil else {
            return false
        }
        rooms[viewer.room]?.viewers.insert(viewer.id)
        sessions[viewer.id] = viewer
        return true
    }

    /// Notes that media serves the session.
    ///
    /// - Returns: Whether the session is still wanted; it may have ended meanwhile.
    package mutating func confirm(_ id: SessionID, entityTag: String) -> Bool {
        guard sessions[id] != nil else { return false }
        sessions[id]?.isOpen = true
        sessions[id]?.description?.entityTag = entityTag
        return true
    }

    /// Forgets a session and, if it is the last publisher, its room with the viewers in it.
    ///
    /// - Returns: The viewers that lost their room, which media still has to close.
    package mutating func remove(_ id: SessionID) -> [SessionID] {
        guard let session = sessions.removeValue(forKey: id) else { return [] }
        guard session.role == .publisher, rooms[session.room]?.publisher == id else {
            rooms[session.room]?.viewers.remove(id)
            rooms[session.room]?.successors[id] = nil
            return []
        }
        if let next = rooms[session.room]?.successors.keys.min() {
            succeed(next, in: session.room)
            return []
        }
        let viewers = rooms.removeValue(forKey: session.room)?.viewers.sorted() ?? []
        for viewer in viewers { sessions[viewer] = nil }
        return viewers
    }

    /// A publisher has the room from now on; media ends the other.
    private mutating func succeed(_ id: SessionID, in room: RoomID) {
        guard let media = rooms[room]?.successors.removeValue(forKey: id) else { return }
        if let replaced = rooms[room]?.publisher { sessions[replaced] = nil }
        rooms[room]?.publisher = id
        rooms[room]?.media = media
        rooms[room]?.isLive = false
        rooms[room]?.size = nil
    }

    /// The room that a URL names: by the name, or else by the number of one without.
    ///
    /// - Returns: `nil` unless its publisher is open.
    package mutating func room(for reference: RoomReference) -> Room? {
        for id in reference.candidates {
            guard let room = rooms[id], sessions[room.publisher]?.isOpen == true else { continue }
            if let name = reference.name, id == RoomID(of: name), room.name == nil { rooms[id]?.name = name }
            return rooms[id]
        }
        return nil
    }

    /// All open rooms by number.
    package var summaries: [RoomSummary] {
        rooms.values.filter { sessions[$0.publisher]?.isOpen == true }
            .sorted { $0.id.number < $1.id.number }
            .map { room in
                RoomSummary(
                    id: room.id, name: room.name,
                    viewerCount: room.viewers.count { sessions[$0]?.isConnected == true },
                    isLive: room.isLive, size: room.size,
                    advice: Advice.all(for: sessions[room.publisher]?.troubles ?? []))
            }
    }
}

extension RoomTable {
    /// Applies an event of media; one about a session that is not known changes nothing.
    ///
    /// - Returns: The viewers that lost their room, which media still has to close.
    package mutating func apply(_ event: Event) -> [SessionID] {
        guard let id = SessionID(octets: event.sessionID), let session = sessions[id] else { return [] }
        switch event.body {
        case .ended:
            return remove(id)
        case .connected:
            sessions[id]?.isConnected = true
            succeed(id, in: session.room)
        case .reconnected:
            sessions[id]?.isConnected = true
        case .disconnected:
            sessions[id]?.isConnected = false
        case .publisherLive where rooms[session.room]?.publisher == id:
            rooms[session.room]?.isLive = true
        case .publisherGone where rooms[session.room]?.publisher == id:
            rooms[session.room]?.isLive = false
        case .trackKnown(let track)
        where rooms[session.room]?.publisher == id && track.kind == .video && track.width > 0
            && track.height > 0:
            rooms[session.room]?.size = Room.Size(width: track.width, height: track.height)
        case .trackTrouble(let trouble) where session.role == .publisher:
            sessions[id]?.note(trouble)
        case .publisherLive, .publisherGone, .trackKnown, .trackTrouble, .keyframeInterval, .layerSwitched,
            .gap, .anchored,
            nil:
            break
        }
        return []
    }

    /// Makes belief agree with what media says it serves.
    ///
    /// Sessions that media lacks are forgotten, unless they are being opened right now. Sessions that only
    /// media has are adopted, since signal may have restarted.
    ///
    /// - Returns: Sessions that media has and nobody wants: viewers whose room has no publisher.
    package mutating func reconcile(with items: [SessionItem]) -> [SessionID] {
        let served = items.compactMap { item in SessionID(octets: item.sessionID).map { ($0, item) } }
        let names = Set(served.map(\.0))
        for session in sessions.values where session.isOpen && !names.contains(session.id) {
            _ = remove(session.id)
        }
        // Publishers first: a viewer is adopted into the room of one. Those that are connected have their rooms, the
        // others wait for them.
        for (id, item) in served where item.role == .publisher && item.hasRoom { adopt(publisher: id, item) }
        for (id, item) in served where item.role == .publisher && !item.hasRoom { adopt(publisher: id, item) }
        for (id, item) in served where item.role == .viewer { adopt(viewer: id, item) }
        return served.map(\.0).filter { sessions[$0] == nil }
    }

    private mutating func adopt(publisher id: SessionID, _ item: SessionItem) {
        guard let room = RoomID(number: item.roomID) else { return }
        if sessions[id] == nil {
            let session = Session(id: id, room: room, role: .publisher, isOpen: true)
            guard reserve(session, name: nil, media: Room.assumedMedia) else { return }
        }
        sessions[id]?.isConnected = item.state == .connected
        for trouble in item.troubles { sessions[id]?.note(trouble) }
        if item.hasRoom { succeed(id, in: room) }
        if rooms[room]?.publisher == id { rooms[room]?.isLive = item.live }
    }

    private mutating func adopt(viewer id: SessionID, _ item: SessionItem) {
        guard let room = RoomID(number: item.roomID) else { return }
        if sessions[id] == nil {
            guard admit(Session(id: id, room: room, role: .viewer, isOpen: true)) else { return }
        }
        sessions[id]?.isConnected = item.state == .connected
    }
}

extension SessionItem {
    /// A publisher that has been connected has taken its room over.
    fileprivate var hasRoom: Bool { state == .connected || state == .disconnected }
}
