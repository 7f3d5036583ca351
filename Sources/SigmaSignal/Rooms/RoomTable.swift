package import SigmaControl
package import SigmaSDP

/// The rooms and sessions that signal believes in.
///
/// A value: what happens to it is decided here, what follows from that is done by the caller. Belief is
/// repaired by ``reconcile(with:)`` after every connection to media; counts are always sizes of sets.
package struct RoomTable: Sendable {
    package private(set) var sessions: [SessionID: Session] = [:]
    /// All that have not ended, also those without a publisher.
    package private(set) var rooms: [RoomID: Room] = [:]
    private var names: [RoomName: RoomID] = [:]

    package init() {}

    // MARK: Rooms

    /// Adds a room that is stored, or one that a publisher is about to have.
    ///
    /// - Returns: `false` when its number or its name is taken.
    package mutating func insert(_ room: Room, isStored: Bool) -> Bool {
        guard rooms[room.id] == nil, names[room.name] == nil else { return false }
        rooms[room.id] = room
        rooms[room.id]?.isStored = isStored
        names[room.name] = room.id
        return true
    }

    /// Adds a room that is stored; one that was found in media before its row could be read gets what the row says.
    package mutating func restore(_ room: Room) {
        guard !insert(room, isStored: true), rooms[room.id]?.name == RoomName(recovered: room.id) else {
            return
        }
        update(room.id) {
            $0.name = room.name
            $0.title = room.title
            $0.isLasting = room.isLasting
            $0.keys = room.keys
        }
    }

    package func room(named name: RoomName) -> Room? { names[name].flatMap { rooms[$0] } }

    /// Changes what is known of a room, but not who is in it.
    package mutating func update(_ id: RoomID, _ change: (inout Room) -> Void) {
        guard var room = rooms[id] else { return }
        let name = room.name
        change(&room)
        if room.name != name {
            names[name] = nil
            names[room.name] = id
        }
        rooms[id] = room
    }

    /// Forgets a room with all that are in it.
    ///
    /// - Returns: Its sessions, which media still has to close.
    package mutating func end(room id: RoomID) -> [SessionID] {
        let members = sessions.values.filter { $0.room == id }.map(\.id).sorted()
        for member in members { sessions[member] = nil }
        drop(id)
        return members
    }

    /// The room that a URL names: by the name, or else by the number.
    package func room(for reference: RoomReference) -> Room? {
        reference.name.flatMap { room(named: $0) } ?? reference.id.flatMap { rooms[$0] }
    }

    /// Gives a room that media serves and no row told of the name that its number follows from.
    ///
    /// - Returns: The room; `nil` where there is none that might have the name.
    package mutating func recover(_ name: RoomName) -> Room? {
        let id = RoomID(of: name)
        guard room(named: name) == nil, rooms[id]?.name == RoomName(recovered: id) else { return nil }
        update(id) {
            $0.name = name
            $0.isLasting = true
        }
        return rooms[id]
    }

    /// Whether somebody publishes to the room.
    package func isPublished(_ id: RoomID) -> Bool {
        rooms[id]?.publisher.map { sessions[$0]?.isOpen == true } ?? false
    }

    // MARK: Sessions

    /// Takes the room for a publisher that is about to be opened, or puts it behind the one that has it.
    ///
    /// - Returns: `false` when the session is known, the room is not, or too many want it.
    package mutating func reserve(_ publisher: Session, media: PublishedMedia) -> Bool {
        guard publisher.role == .publisher, sessions[publisher.id] == nil, let room = rooms[publisher.room]
        else { return false }
        if room.publisher != nil {
            guard room.successors.count < Self.successorLimit else { return false }
            rooms[room.id]?.successors[publisher.id] = media
        } else {
            take(room.id, for: publisher.id, media)
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

    /// Notes that the session is stored and media serves it.
    ///
    /// - Returns: Whether the session is still wanted; it may have ended meanwhile.
    package mutating func confirm(_ id: SessionID, number: Int64?, entityTag: String) -> Bool {
        guard let session = sessions[id] else { return false }
        sessions[id]?.isOpen = true
        sessions[id]?.number = number
        sessions[id]?.description?.entityTag = entityTag
        rooms[session.room]?.isStored = true
        return true
    }

    /// Notes what is stored of a session that was adopted.
    package mutating func recall(
        _ id: SessionID, number: Int64, description: Session.Description?, media: PublishedMedia?
    ) {
        guard let session = sessions[id] else { return }
        sessions[id]?.number = number
        if session.description == nil { sessions[id]?.description = description }
        guard let media else { return }
        if rooms[session.room]?.publisher == id { rooms[session.room]?.media = media }
        if rooms[session.room]?.successors[id] != nil { rooms[session.room]?.successors[id] = media }
    }

    /// Forgets a session and, if it is the last publisher of a room that does not last, the room with the viewers
    /// in it.
    ///
    /// - Returns: The viewers, which media still has to close.
    package mutating func remove(_ id: SessionID) -> [SessionID] {
        guard let session = sessions.removeValue(forKey: id), let room = rooms[session.room] else {
            return []
        }
        guard room.publisher == id else {
            rooms[room.id]?.viewers.remove(id)
            rooms[room.id]?.successors[id] = nil
            return []
        }
        rooms[room.id]?.publisher = nil
        rooms[room.id]?.isLive = false
        rooms[room.id]?.size = nil
        if let next = room.successors.keys.min() {
            succeed(next, in: room.id)
            return []
        }
        // One that was never stored has been tried and not got.
        if room.isLasting && room.isStored { return [] }
        for viewer in room.viewers { sessions[viewer] = nil }
        drop(room.id)
        return room.viewers.sorted()
    }

    private mutating func drop(_ id: RoomID) {
        guard let room = rooms.removeValue(forKey: id) else { return }
        names[room.name] = nil
    }

    /// A publisher has the room from now on; media ends the other.
    private mutating func succeed(_ id: SessionID, in room: RoomID) {
        guard let media = rooms[room]?.successors.removeValue(forKey: id) else { return }
        if let replaced = rooms[room]?.publisher { sessions[replaced] = nil }
        take(room, for: id, media)
    }

    private mutating func take(_ room: RoomID, for publisher: SessionID, _ media: PublishedMedia) {
        rooms[room]?.publisher = publisher
        rooms[room]?.media = media
        rooms[room]?.isLive = false
        rooms[room]?.size = nil
    }

    // MARK: What others see

    /// All rooms that somebody publishes to, by number.
    package var summaries: [RoomSummary] {
        rooms.values.filter { isPublished($0.id) }.sorted { $0.id.number < $1.id.number }.map {
            summary(of: $0)
        }
    }

    package func summary(of room: Room) -> RoomSummary {
        RoomSummary(
            id: room.id, name: room.isLasting ? room.name : nil, title: room.title,
            viewerCount: room.viewers.count { sessions[$0]?.isConnected == true },
            isLive: room.isLive, size: room.size,
            advice: Advice.all(for: room.publisher.flatMap { sessions[$0]?.troubles } ?? []),
            isProtected: room.keys.watch != nil)
    }
}

extension RoomTable {
    /// Applies an event of media; one about a session that is not known changes nothing.
    ///
    /// - Returns: The viewers that lost their room, which media still has to close.
    package mutating func apply(_ event: Event) -> [SessionID] {
        guard let id = SessionID(octets: event.sessionID), let session = sessions[id] else { return [] }
        let hasRoom = rooms[session.room]?.publisher == id
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
        case .publisherLive where hasRoom:
            rooms[session.room]?.isLive = true
            rooms[session.room]?.lastLiveAt = Int64(clamping: event.time / 1_000_000)
        case .publisherGone where hasRoom:
            rooms[session.room]?.isLive = false
        case .trackKnown(let track) where hasRoom:
            noteSize(track, in: session.room)
        case .trackTrouble(let trouble) where session.role == .publisher:
            sessions[id]?.note(trouble)
        case .publisherLive, .publisherGone, .trackKnown, .trackTrouble, .keyframeInterval, .layerSwitched,
            .gap, .anchored, nil:
            break
        }
        return []
    }

    private mutating func noteSize(_ track: TrackKnown, in room: RoomID) {
        guard track.kind == .video, track.width > 0, track.height > 0 else { return }
        rooms[room]?.size = Room.Size(width: track.width, height: track.height)
    }

    /// Makes belief agree with what media says it serves.
    ///
    /// Sessions that media lacks are forgotten, unless they are being opened right now. Sessions that only
    /// media has are adopted, since signal may have restarted.
    ///
    /// - Returns: Sessions that media has and nobody wants: viewers whose room has no publisher and does not last.
    package mutating func reconcile(with items: [SessionItem], at now: Int64 = 0) -> [SessionID] {
        let served = items.compactMap { item in SessionID(octets: item.sessionID).map { ($0, item) } }
        let present = Set(served.map(\.0))
        for session in sessions.values where session.isOpen && !present.contains(session.id) {
            _ = remove(session.id)
        }
        // Publishers first: a viewer is adopted into the room of one. Those that are connected have their rooms, the
        // others wait for them.
        for (id, item) in served where item.role == .publisher && item.isOwner {
            adopt(publisher: id, item, now)
        }
        for (id, item) in served where item.role == .publisher && !item.isOwner {
            adopt(publisher: id, item, now)
        }
        for (id, item) in served where item.role == .viewer { adopt(viewer: id, item) }
        for room in rooms.values where room.publisher == nil && !(room.isLasting && room.isStored) {
            _ = end(room: room.id)
        }
        return served.map(\.0).filter { sessions[$0] == nil }
    }

    private mutating func adopt(publisher id: SessionID, _ item: SessionItem, _ now: Int64) {
        guard let room = RoomID(number: item.roomID) else { return }
        if sessions[id] == nil {
            if rooms[room] == nil {
                let recovered = Room(
                    id: room, name: RoomName(recovered: room), isLasting: false, createdAt: now)
                guard insert(recovered, isStored: true) else { return }
            }
            let session = Session(id: id, room: room, role: .publisher, isOpen: true)
            guard reserve(session, media: rooms[room]?.media ?? Room.assumedMedia) else { return }
        }
        sessions[id]?.isConnected = item.state == .connected
        for trouble in item.troubles { sessions[id]?.note(trouble) }
        if item.isOwner { succeed(id, in: room) }
        guard rooms[room]?.publisher == id else { return }
        rooms[room]?.isLive = item.live
        for track in item.tracks { noteSize(track, in: room) }
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
    /// Whether the room is this publisher's: a media that does not say gives it to whoever has been connected.
    fileprivate var isOwner: Bool {
        hasHasRoom_p ? hasRoom_p : state == .connected || state == .disconnected
    }
}
