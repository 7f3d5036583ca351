import SigmaStore

/// What rooms are called.
struct RoomNames {
    private let names: [Int64: String]

    /// Without a database every room is its number.
    init(_ database: OperatorDatabase?) throws(OperatorError) {
        let rooms = try database?.rooms(includingEnded: true) ?? []
        names = Dictionary(rooms.map { ($0.id, $0.name) }) { first, _ in first }
    }

    /// The name; else, as where the row is no longer kept, the number.
    subscript(_ room: Int64) -> String { names[room] ?? String(room) }

    subscript(_ room: UInt64) -> String { self[Int64(clamping: room)] }
}
