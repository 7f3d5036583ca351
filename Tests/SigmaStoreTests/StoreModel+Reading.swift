import Foundation
import GRDB
import SigmaStore

extension StoreModel {
    /// What a database holds.
    init(reading database: Database) throws {
        self.init()
        for room in try StoredRoom.fetchAll(database, sql: "SELECT * FROM room") { rooms[room.id] = room }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM session") {
            sessions[row["number"]] = Session(row)
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM session_client") {
            clients[row["session"]] = Client(
                data: ClientData(address: row["address"], userAgent: row["user_agent"]),
                notedAt: row["noted_at"])
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM media_position") {
            positions[row["journal"]] = row["next_number"]
        }
        for row in try Row.fetchAll(database, sql: "SELECT seq, time, body FROM room_event") {
            let body: String = row["body"]
            audit[row["seq"]] = body.replacing(/"(client|hash)":"[0-9a-f]{64}"/) {
                "\"\($0.output.1)\":\"*\""
            }
            times[row["seq"]] = row["time"]
        }
        checkpoint = try Int64.fetchOne(database, sql: "SELECT max(seq) FROM audit_checkpoint") ?? 0
        last = max(checkpoint, audit.keys.max() ?? 0)
        nextSession =
            1
            + (try Int64.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'session'")
                ?? 0)
    }

    /// What is unlike in both, a line for each.
    func differences(from other: StoreModel) -> [String] {
        func compare<Key: Hashable, Value: Equatable>(
            _ name: String, _ mine: [Key: Value], _ others: [Key: Value]
        ) -> [String] {
            Set(mine.keys).union(others.keys).filter { mine[$0] != others[$0] }.map {
                "\(name) \($0): \(mine[$0].map { "\($0)" } ?? "none") is not \(others[$0].map { "\($0)" } ?? "none")"
            }
        }
        let rows =
            compare("room", rooms, other.rooms) + compare("session", sessions, other.sessions)
            + compare("client", clients, other.clients) + compare("position", positions, other.positions)
            + compare("audit", audit, other.audit) + compare("time", times, other.times)
        let (mine, others) = (
            [last, checkpoint, nextSession], [other.last, other.checkpoint, other.nextSession]
        )
        return rows + (mine == others ? [] : ["\(mine) is not \(others)"])
    }
}

extension StoreModel.Session {
    fileprivate init(_ row: Row) {
        self.init(
            number: row["number"], idHash: row["id_hash"], room: row["room"], role: row["role"],
            openedAt: row["opened_at"], connectedAt: row["connected_at"], endedAt: row["ended_at"],
            reason: row["reason"], octetsSent: row["octets_sent"], entityTag: row["entity_tag"],
            media: row["media"])
    }
}
