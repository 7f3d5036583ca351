import FoundationEssentials
import Logging
import SigmaControl
import SigmaSettings
import SigmaStore

// What an operator may ask for.
extension Switchboard {
    /// All rooms, also those that nobody publishes to, by number.
    var roomDocuments: [RoomDocument] {
        table.rooms.values.filter(\.isStored).sorted { $0.id.number < $1.id.number }.map { document(of: $0) }
    }

    /// Rooms that somebody publishes to.
    var publicRoomDocuments: [RoomDocument] { table.summaries.map { RoomDocument($0) } }

    /// The room that a URL names.
    func existing(_ reference: RoomReference?) throws(Problem) -> Room {
        guard let room = reference.flatMap({ find($0) }), room.isStored else { throw .unknownRoom }
        return room
    }

    func document(of room: Room) -> RoomDocument {
        let publisher = room.publisher.flatMap { table.sessions[$0]?.number }
        return RoomDocument(room, table.summary(of: room), publisher: publisher)
    }

    func publicDocument(of room: Room) throws(Problem) -> RoomDocument {
        guard table.isPublished(room.id) || room.isLasting else { throw .unknownRoom }
        return RoomDocument(table.summary(of: room))
    }

    /// Makes a lasting room.
    ///
    /// - Parameter name: `nil` for one that cannot be guessed.
    func create(
        _ name: RoomName?, title: String, publishKey: Secret?, watchKey: Secret?, by whom: String
    ) async throws(Problem) -> RoomDocument {
        try requireStore()
        let name = name ?? .random()
        guard find(RoomReference(name)) == nil else { throw .roomExists }
        let room = try add(name)
        table.update(room.id) {
            $0.title = title
            $0.keys = Room.Keys(
                publish: publishKey.map { KeyHash(of: $0) }, watch: watchKey.map { KeyHash(of: $0) })
        }
        guard let row = table.rooms[room.id]?.row(by: whom) else { throw .internalError }
        do {
            try await store.submit { try $0.create(row) }.value()
        } catch {
            let members = table.end(room: room.id)
            await post(closing: members, .requested)
            throw Problem(error)
        }
        table.update(room.id) { $0.isStored = true }
        guard let made = table.rooms[room.id] else { throw .gone }
        var document = document(of: made)
        document.publishKey = publishKey?.exposed
        document.watchKey = watchKey?.exposed
        return document
    }

    func setTitle(_ title: String, of room: Room, by whom: String) async throws(Problem) -> RoomDocument {
        try await write { try $0.setTitle(title, of: Int64(room.id.number), by: whom) }
        table.update(room.id) { $0.title = title }
        return document(of: try existing(RoomReference(room.name)))
    }

    /// Changes a key for those who come from now on.
    ///
    /// - Parameter key: `nil`: none.
    func setKey(_ which: RoomKey, of room: Room, to key: Secret?, by whom: String) async throws(Problem) {
        let hash = key.map { KeyHash(of: $0) }
        try await write { try $0.setKey(which, hash?.octets, of: Int64(room.id.number), by: whom) }
        table.update(room.id) {
            switch which {
            case .publish: $0.keys.publish = hash
            case .watch: $0.keys.watch = hash
            }
        }
    }

    /// Ends a room and all sessions in it.
    func end(_ room: Room, by whom: String) async throws(Problem) {
        try await write { try $0.end(room: Int64(room.id.number), at: $0.now, by: whom) }
        let members = table.end(room: room.id)
        logger.info("room \(room.id) ended by \(whom)")
        await post(closing: members, .kicked)
    }

    /// Ends a session at the operator's wish.
    func kick(_ number: Int64, by whom: String) async throws(Problem) {
        _ = try await mediaHello()
        guard let session = table.sessions.values.first(where: { $0.number == number }) else {
            throw .unknownSession
        }
        try await write { try $0.kick(number, room: Int64(session.room.number), by: whom) }
        try await close(session.id, .kicked)
        logger.info("session \(session.id) kicked by \(whom)")
    }

    /// Forgets who a session was of.
    func eraseClient(of number: Int64, by whom: String) async throws(Problem) {
        let erased = try await write { try $0.eraseClient(of: number, by: whom) }
        guard erased else { throw .unknownSession }
    }

    @discardableResult
    private func write<Value: Sendable>(
        _ work: @escaping @Sendable (inout StoreTransaction) throws -> Value
    ) async throws(Problem) -> Value {
        do { return try await store.submit(work).value() } catch { throw Problem(error) }
    }
}
