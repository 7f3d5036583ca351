package import FoundationEssentials
import GRDB

/// The two keys that a room may have.
package enum RoomKey: String, Sendable {
    case publish
    case watch
}

extension StoreTransaction {
    /// The room as it is stored, ended or not.
    package func room(_ id: Int64) throws -> StoredRoom? {
        try StoredRoom.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM room WHERE id = ?"), arguments: [id])
    }

    /// Whether there is such a room that has not ended.
    package func isThere(_ id: Int64) throws -> Bool {
        try room(id).map { $0.endedAt == nil } ?? false
    }

    /// Adds a room.
    ///
    /// - Throws: ``StoreError/conflict`` where its id or its name is taken by one that has not ended.
    package mutating func create(_ room: StoredRoom) throws {
        try execute(
            "DELETE FROM room WHERE id = ? AND name = ? AND ended_at IS NOT NULL", [room.id, room.name])
        try room.insert(database)
        try append(
            AuditEntry(.roomCreated, at: room.createdAt).with("room", room.id).with("name", room.name)
                .with("lasting", room.isLasting).with("by", room.createdBy))
    }

    package mutating func setTitle(_ title: String, of id: Int64, by whom: String) throws {
        try change(id, "UPDATE room SET title = ? WHERE id = ? AND ended_at IS NULL", [title, id])
        try append(
            AuditEntry(.roomChanged, at: now).with("room", id).with("title", title).with("by", whom))
    }

    /// Gives a room that was recovered without a name the one that it had, and makes it last.
    package mutating func rename(_ id: Int64, to name: String) throws {
        try change(
            id, "UPDATE room SET name = ?, is_lasting = 1 WHERE id = ? AND ended_at IS NULL", [name, id])
        try append(AuditEntry(.roomChanged, at: now).with("room", id).with("name", name))
    }

    /// - Parameter hash: SHA-256 of the new key; `nil` for none.
    package mutating func setKey(_ key: RoomKey, _ hash: Data?, of id: Int64, by whom: String) throws {
        let column = key == .publish ? "publish_key" : "watch_key"
        try change(id, "UPDATE room SET \(column) = ? WHERE id = ? AND ended_at IS NULL", [hash, id])
        try append(
            AuditEntry(hash == nil ? .keyRemoved : .keyRotated, at: now).with("room", id)
                .with("key", key.rawValue).with("by", whom))
    }

    /// - Parameter whom: `nil` where it ended with its publisher.
    package mutating func end(room id: Int64, at time: Int64, by whom: String? = nil) throws {
        try change(id, "UPDATE room SET ended_at = ? WHERE id = ? AND ended_at IS NULL", [time, id])
        try append(AuditEntry(.roomEnded, at: time).with("room", id).with("by", whom))
    }

    /// - Throws: ``StoreError/conflict`` where there is no such row.
    private func change(_ id: Int64, _ sql: String, _ arguments: StatementArguments) throws {
        try execute(sql, arguments)
        guard database.changesCount == 1 else { throw StoreError.conflict }
    }
}
