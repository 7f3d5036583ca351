/// What a URL calls a room: its name or its number, which may look alike.
package struct RoomReference: Sendable, Hashable {
    package let name: RoomName?
    package let id: RoomID?

    /// - Returns: `nil` for text that is neither a room name nor a number.
    package init?(_ text: some StringProtocol) {
        name = RoomName(text)
        let isDecimal = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        id = isDecimal ? UInt64(text).flatMap { RoomID(number: $0) } : nil
        if name == nil, id == nil { return nil }
    }

    package init(_ name: RoomName) {
        self.name = name
        id = nil
    }
}
