import FoundationEssentials
import Logging
import NIOCore
import SigmaControl
import SigmaSDP
import SigmaSettings
import SigmaStore
import SigmaSystem

extension Switchboard {
    /// A session that media serves from now on.
    struct Accepted: Sendable {
        let id: SessionID
        /// The SDP answer.
        let answer: String
        /// Of the ICE session, with its quotes (RFC 9725 §4.3.1).
        let entityTag: String
        let room: RoomName
    }

    /// What a viewer brings beside its offer.
    struct Ticket: Sendable {
        let key: String?
        /// It stays for a publisher that is yet to come.
        let waits: Bool
    }

    /// The key that publishing to the room needs; `nil`: the server's token.
    func publishKey(of name: RoomName) -> KeyHash? {
        find(name)?.keys.publish
    }

    /// The room that a URL names.
    func find(_ reference: RoomReference) -> Room? {
        reference.name.flatMap { find($0) } ?? table.room(for: reference)
    }

    /// The room of that name, also where the name was lost with the database.
    private func find(_ name: RoomName) -> Room? {
        if let room = table.room(named: name) { return room }
        guard let room = table.recover(name) else { return nil }
        record { try $0.rename(Int64(room.id.number), to: name.text) }
        return room
    }

    /// Opens a publisher.
    ///
    /// - Parameters:
    ///   - name: `nil` for a room of its own.
    ///   - client: How the request reached us.
    func publish(
        _ offer: Offer, to name: RoomName?, from client: ClientConnection
    ) async throws(Problem) -> Accepted {
        let hello = try await mediaHello()
        try requireStore()
        let negotiation = try Problem.of { () throws(NegotiationError) in
            try Negotiation(publisherOffer: offer)
        }
        let room = try place(for: name)
        let session = Session(
            id: SessionID(), room: room.id, role: .publisher, isOpen: false,
            description: .init(remote: negotiation.credentials, entityTag: nil))
        guard table.reserve(session, media: negotiation.published) else { throw .roomOccupied }
        return try await open(session, negotiation, hello: hello, client)
    }

    /// The room of that name, or a new one.
    private func place(for name: RoomName?) throws(Problem) -> Room {
        guard let name else {
            let room = Room(id: .random(), name: .random(), isLasting: false, createdAt: Self.now())
            guard table.insert(room, isStored: false) else { throw .internalError }
            return room
        }
        if let room = find(name) { return room }
        return try add(name)
    }

    /// A new lasting room, not yet stored.
    func add(_ name: RoomName) throws(Problem) -> Room {
        guard table.rooms.count < Self.roomLimit else { throw .tooManyRooms }
        let room = Room(id: RoomID(of: name), name: name, isLasting: true, createdAt: Self.now())
        if table.insert(room, isStored: false) { return room }
        let other = Room(id: .random(), name: name, isLasting: true, createdAt: Self.now())
        guard table.insert(other, isStored: false) else { throw .roomExists }
        return other
    }

    /// All of them are held in memory.
    private static let roomLimit = 100_000

    /// Opens a viewer.
    func watch(
        _ offer: Offer, in reference: RoomReference, with ticket: Ticket, from client: ClientConnection
    ) async throws(Problem) -> Accepted {
        let hello = try await mediaHello()
        guard let room = find(reference), room.isStored else { throw .unknownRoom }
        if let key = room.keys.watch, !(ticket.key.map { key.matches($0) } ?? false) { throw .watchKeyNeeded }
        guard table.isPublished(room.id) || ticket.waits && room.isLasting else {
            throw room.isLasting ? .roomNotLive : .unknownRoom
        }
        guard table.sessions.count < Self.viewerLimit(hello) else { throw Problem(.refused(.full)) }
        try requireStore()
        var negotiation = try Problem.of { () throws(NegotiationError) in
            try Negotiation(viewerOffer: offer, publisher: room.media)
        }
        var random = SystemRandomNumberGenerator()
        negotiation.assignSSRCs(using: &random)
        let session = Session(
            id: SessionID(), room: room.id, role: .viewer, isOpen: false,
            description: .init(remote: negotiation.credentials, entityTag: nil))
        guard table.admit(session) else { throw .unknownRoom }
        return try await open(session, negotiation, hello: hello, client)
    }

    /// Ends a session at its client's wish.
    func end(_ id: SessionID) async throws(Problem) {
        guard table.sessions[id] != nil else {
            // Before the first snapshot nobody knows which there are.
            _ = try await mediaHello()
            guard table.sessions[id] == nil else { return try await end(id) }
            throw .unknownSession
        }
        try await close(id, .requested)
        logger.info("session \(id) ended by its client")
    }

    /// Has media close a session, and waits until its end is stored.
    func close(_ id: SessionID, _ reason: EndReason) async throws(Problem) {
        let ending = endings[id] ?? Pending()
        endings[id] = ending
        do {
            _ = try await control.request(.closeSession(closing(id, reason)))
        } catch .refused(.notFound) {
            // It ended by itself meanwhile.
            if table.sessions[id] == nil { endings.removeValue(forKey: id)?.complete(.success(())) }
        } catch {
            endings.removeValue(forKey: id)?.complete(.failure(Problem(error)))
        }
        try await ending.value()
    }

    /// A session that is served, for its URL.
    func session(_ id: SessionID) async throws(Problem) -> Session {
        if let session = table.sessions[id], session.isOpen, session.number != nil { return session }
        // After a restart it is known by its number only with its row.
        _ = try await mediaHello()
        guard let session = table.sessions[id], session.isOpen else { throw .unknownSession }
        return session
    }

    // MARK: Opening

    private func open(
        _ session: Session, _ negotiation: Negotiation, hello: MediaHello, _ client: ClientConnection
    ) async throws(Problem) -> Accepted {
        var isInMedia = false
        do throws(Problem) {
            let local = try LocalSide(hello: hello, client: client, room: session.room)
            let opened = try await openInMedia(
                OpenSession(negotiation, session: session, cname: local.cname), session.id)
            isInMedia = true
            let tag = "\"\(opened.localUfrag)\""
            let answer = negotiation.answer(try local.description(opened))
            let number = try await write(session, negotiation, tag, client)
            guard client.isConnected, table.confirm(session.id, number: number, entityTag: tag),
                let room = table.rooms[session.room]
            else { throw Problem.gone }
            logger.info("session \(session.id) opened: \(session.role) \(number) in room \(session.room)")
            return Accepted(id: session.id, answer: answer, entityTag: tag, room: room.name)
        } catch {
            if isInMedia { abandon(session.id) }
            forget(session.id)
            throw error
        }
    }

    /// Stores the session, with its room where that is new.
    private func write(
        _ session: Session, _ negotiation: Negotiation, _ tag: String, _ client: ClientConnection
    ) async throws(Problem) -> Int64 {
        guard let room = table.rooms[session.room] else { throw .gone }
        var row = NewSession(
            idHash: session.id.hash, room: Int64(room.id.number),
            role: session.role == .publisher ? .publisher : .viewer, openedAt: Self.now())
        row.credentialsHash = session.description?.credentials
        row.entityTag = tag
        if session.role == .publisher { row.media = negotiation.published.stored }
        row.client = client.data
        let newRoom = room.isStored ? nil : room.row(by: "token")
        do {
            return try await store.submit { [row] transaction in
                if let newRoom, try !transaction.isThere(newRoom.id) { try transaction.create(newRoom) }
                return try transaction.open(row)
            }.value()
        } catch {
            throw Problem(error)
        }
    }

    private func openInMedia(_ open: OpenSession, _ id: SessionID) async throws(Problem) -> SessionOpened {
        do throws(ControlError) {
            guard case .sessionOpened(let opened) = try await control.request(.openSession(open)) else {
                throw .unexpectedAnswer
            }
            return opened
        } catch {
            switch error {
            case .timeout, .unavailable, .unexpectedAnswer: abandon(id)
            case .refused: break
            }
            complain(of: error)
            throw Problem(error)
        }
    }

    /// What would not be remembered is not begun.
    func requireStore() throws(Problem) {
        if let failure = store.failure { throw Problem(failure) }
        guard isLoaded else { throw Problem(StoreError.inaccessible) }
    }

    // MARK: Closing

    /// Has a session closed that media may have and nobody wants.
    ///
    /// It is remembered until media has answered; without an answer, until the next snapshot.
    private func abandon(_ id: SessionID) {
        abandoned.insert(id)
        Task {
            do throws(ControlError) {
                _ = try await control.request(.closeSession(closing(id, .requested)))
            } catch {
                guard case .refused = error else { return }
            }
            abandoned.remove(id)
        }
    }

    /// Logs why media opens no session: strangers can bring that about, so a line in 10 s has to do.
    private func complain(of error: ControlError) {
        guard error != .refused(.invalid) else { return }
        if let count = complaints.count(at: SystemClock.monotonic()) {
            logger.warning("media did not open \(count == 1 ? "a session" : "\(count) sessions"): \(error)")
        }
    }

    func forget(_ id: SessionID) {
        let viewers = table.remove(id)
        guard !viewers.isEmpty else { return }
        Task { await post(closing: viewers, .publisherBye) }
    }

    /// Has sessions closed without waiting for it.
    func post(closing ids: [SessionID], _ reason: EndReason) async {
        for id in ids { await control.post(.closeSession(closing(id, reason))) }
    }

    private func closing(_ id: SessionID, _ reason: EndReason) -> CloseSession {
        message {
            $0.sessionID = Data(id.octets)
            $0.reason = reason
        }
    }

    /// Sessions up to which viewers are taken: the last sixteenth is for publishers, which have a token.
    private static func viewerLimit(_ hello: MediaHello) -> Int {
        let limit = Int(hello.limits.sessions)
        return limit == 0 ? .max : limit - limit / 16
    }
}
