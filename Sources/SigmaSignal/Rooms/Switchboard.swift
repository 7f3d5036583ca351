import FoundationEssentials
import Logging
import NIOCore
import SigmaControl
import SigmaSDP
import SigmaSettings
import SigmaSystem

/// Joins HTTP and media: what a client asks for becomes a session, what media reports changes the rooms.
actor Switchboard {
    /// A session that media serves from now on.
    struct Accepted: Sendable {
        let id: SessionID
        /// The SDP answer.
        let answer: String
        /// Of the ICE session, with its quotes (RFC 9725 §4.3.1).
        let entityTag: String
    }

    private var table = RoomTable() {
        didSet {
            roomsDocument = nil
            roomFeed.changed()
        }
    }
    private var roomsDocument: ByteBuffer?
    /// Sessions whose opening failed on the way: media may have them, nobody wants them.
    private var abandoned: Set<SessionID> = []
    private var complaints = RareLine()
    private let control: ControlClient
    private let roomFeed: RoomFeed
    private let logger: Logger

    init(control: ControlClient, roomFeed: RoomFeed, logger: Logger) {
        self.control = control
        self.roomFeed = roomFeed
        self.logger = logger
    }

    /// All rooms by number, encoded: once for all who ask until something changes.
    func rooms(_ encode: @Sendable ([RoomSummary]) -> ByteBuffer) -> ByteBuffer {
        let document = roomsDocument ?? encode(table.summaries)
        roomsDocument = document
        return document
    }

    /// Serves until the task is cancelled.
    func run() async {
        await control.run { await self.handle($0) }
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
        let negotiation = try Problem.of { () throws(NegotiationError) in
            try Negotiation(publisherOffer: offer)
        }
        let session = Session(
            id: SessionID(), room: name.map { RoomID(of: $0) } ?? .random(), role: .publisher, isOpen: false,
            description: .init(remote: negotiation.credentials, entityTag: nil))
        guard table.reserve(session, name: name, media: negotiation.published) else { throw .roomOccupied }
        return try await open(session, negotiation, hello: hello, client)
    }

    /// Opens a viewer.
    func watch(
        _ offer: Offer, in reference: RoomReference, from client: ClientConnection
    ) async throws(Problem) -> Accepted {
        let hello = try await mediaHello()
        guard let room = table.room(for: reference) else { throw .unknownRoom }
        guard table.sessions.count < Self.viewerLimit(hello) else { throw Problem(.refused(.full)) }
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
        guard table.sessions[id] != nil else { throw .unknownSession }
        // Forgotten only when media has let go of it, so that a DELETE that failed may be repeated.
        do {
            _ = try await control.request(.closeSession(close(id, .requested)))
        } catch .refused(.notFound) {
            // It ended by itself meanwhile.
        } catch {
            throw Problem(error)
        }
        guard table.sessions[id] != nil else { return }
        logger.info("session \(id) ended by its client")
        forget(id)
    }

    /// A session that is served, for its URL.
    func session(_ id: SessionID) throws(Problem) -> Session {
        guard let session = table.sessions[id], session.isOpen else { throw .unknownSession }
        return session
    }

    /// Media's hello.
    ///
    /// - Throws: 503 while there is no connection.
    func mediaHello() async throws(Problem) -> MediaHello {
        guard let hello = await control.hello else { throw .mediaUnavailable }
        return hello
    }

    private func open(
        _ session: Session, _ negotiation: Negotiation, hello: MediaHello, _ client: ClientConnection
    ) async throws(Problem) -> Accepted {
        var isInMedia = false
        do throws(Problem) {
            let local = try LocalSide(hello: hello, client: client, room: session.room)
            let opened = try await openInMedia(
                OpenSession(negotiation, session: session, cname: local.cname), session.id)
            isInMedia = true
            let accepted = Accepted(
                id: session.id, answer: negotiation.answer(try local.description(opened)),
                entityTag: "\"\(opened.localUfrag)\"")
            guard client.isConnected, table.confirm(session.id, entityTag: accepted.entityTag) else {
                throw Problem.gone
            }
            logger.info("session \(session.id) opened: \(session.role) in room \(session.room)")
            return accepted
        } catch {
            if isInMedia { abandon(session.id) }
            forget(session.id)
            throw error
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

    /// Has a session closed that media may have and nobody wants.
    ///
    /// It is remembered until media has answered; without an answer, until the next snapshot.
    private func abandon(_ id: SessionID) {
        abandoned.insert(id)
        Task {
            do throws(ControlError) {
                _ = try await control.request(.closeSession(close(id, .requested)))
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

    private func handle(_ update: ControlUpdate) async {
        switch update {
        case .ready(let hello, let items):
            let unwanted =
                table.reconcile(with: items.filter { !isAbandoned($0) }) + items.compactMap(abandonedID)
            abandoned = []
            logger.info(
                "connected to \(hello.program): \(table.rooms.count) rooms, \(table.sessions.count) sessions")
            await close(unwanted, .signalingLost)
        case .event(let event):
            await apply(event)
        case .disconnected:
            break
        }
    }

    private func apply(_ event: Event) async {
        // One that was replaced is forgotten already.
        if let id = SessionID(octets: event.sessionID),
            table.sessions[id] != nil || event.ended.reason == .replaced
        {
            logger.info("session \(id): \(Self.text(event))")
        }
        await close(table.apply(event), .publisherBye)
    }

    private func forget(_ id: SessionID) {
        let viewers = table.remove(id)
        guard !viewers.isEmpty else { return }
        Task { await close(viewers, .publisherBye) }
    }

    private func close(_ ids: [SessionID], _ reason: EndReason) async {
        for id in ids { await control.post(.closeSession(close(id, reason))) }
    }

    private func close(_ id: SessionID, _ reason: EndReason) -> CloseSession {
        message {
            $0.sessionID = Data(id.octets)
            $0.reason = reason
        }
    }

    private func abandonedID(_ item: SessionItem) -> SessionID? {
        SessionID(octets: item.sessionID).flatMap { abandoned.contains($0) ? $0 : nil }
    }

    private func isAbandoned(_ item: SessionItem) -> Bool { abandonedID(item) != nil }

    /// Sessions up to which viewers are taken: the last sixteenth is for publishers, which have a token.
    private static func viewerLimit(_ hello: MediaHello) -> Int {
        let limit = Int(hello.limits.sessions)
        return limit == 0 ? .max : limit - limit / 16
    }

    private static func text(_ event: Event) -> String {
        switch event.body {
        case .connected: "connected"
        case .disconnected: "disconnected"
        case .reconnected: "connected again"
        case .ended(let ended): "ended (\(ended.reason))"
        case .publisherLive: "live"
        case .publisherGone: "no longer live"
        case .trackKnown(let track) where track.kind == .video: "video, \(track.width)x\(track.height)"
        case .trackKnown(let track): "\(track.kind)"
        case .keyframeInterval(let interval): "a keyframe every \(interval.milliseconds) ms"
        case .trackTrouble(let trouble) where trouble.troubles.isEmpty: "no troubles in the video"
        case .trackTrouble(let trouble):
            "the video has \(Advice.all(for: [trouble]).map(\.code).joined(separator: ", ")), "
                + "keyframes up to \(trouble.keyframeInterval) ms apart"
        case .layerSwitched, .gap, .anchored, nil: "event \(event.number)"
        }
    }
}
