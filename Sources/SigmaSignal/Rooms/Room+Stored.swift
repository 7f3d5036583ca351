import FoundationEssentials
import SigmaSDP
import SigmaStore

extension Room {
    /// - Returns: `nil` for a row that no version of this program writes.
    init?(_ row: StoredRoom) {
        guard let id = UInt64(exactly: row.id).flatMap({ RoomID(number: $0) }), let name = RoomName(row.name)
        else {
            return nil
        }
        self.init(
            id: id, name: name, isLasting: row.isLasting, createdAt: row.createdAt,
            media: row.media.flatMap { PublishedMedia(stored: $0) } ?? Self.assumedMedia)
        title = row.title
        lastLiveAt = row.lastLiveAt
        keys = Keys(
            publish: row.publishKey.map { KeyHash(stored: $0) },
            watch: row.watchKey.map { KeyHash(stored: $0) })
    }

    /// - Parameter whom: Who has made it.
    func row(by whom: String) -> StoredRoom {
        StoredRoom(
            id: Int64(id.number), name: name.text, title: title, isLasting: isLasting,
            publishKey: keys.publish?.octets, watchKey: keys.watch?.octets, createdAt: createdAt,
            createdBy: whom)
    }
}

extension PublishedMedia {
    init?(stored text: String) {
        guard let media = try? JSONDecoder().decode(PublishedMedia.self, from: Data(text.utf8)) else {
            return nil
        }
        self = media
    }

    var stored: String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }
}
