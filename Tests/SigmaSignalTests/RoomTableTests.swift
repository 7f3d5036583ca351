import Foundation
import SigmaControl
import SigmaSDP
import SigmaSignal
import Testing

@Suite("RoomTable")
struct RoomTableTests {
    @Test(arguments: 0..<40)
    func `whatever happens, counts are those of the sets and nobody is in a room that is not there`(
        seed: UInt64
    ) {
        var generator = SplitMix(state: seed)
        var table = RoomTable()
        let ids = (0..<12).compactMap { SessionID(octets: Array(repeating: UInt8($0), count: 16)) }
        for _ in 0..<500 {
            let id = ids[Int(generator.next() % 12)]
            let room = RoomID(number: generator.next() % 3 + 1)
            guard let room else { continue }
            switch generator.next() % 7 {
            case 0:
                let isLasting = room.number != 3
                _ = table.insert(
                    Room(id: room, name: RoomName(recovered: room), isLasting: isLasting, createdAt: 0),
                    isStored: generator.next() % 2 == 0)
                _ = table.reserve(
                    Session(id: id, room: room, role: .publisher, isOpen: false), media: Room.assumedMedia)
            case 1:
                _ = table.admit(Session(id: id, room: room, role: .viewer, isOpen: false))
            case 2:
                _ = table.confirm(id, number: 1, entityTag: "\"x\"")
            case 3:
                _ = table.remove(id)
            case 4:
                _ = table.apply(
                    event(id, [.connected(.init()), .disconnected(.init()), .ended(.init())], &generator))
            case 5:
                _ = table.apply(event(id, [.publisherLive(.init()), .reconnected(.init())], &generator))
            default:
                let items = ids.filter { _ in generator.next() % 2 == 0 }.map { id in
                    ReconnectTests.item(
                        id.octets[0], generator.next() % 2 == 0 ? .publisher : .viewer,
                        room: generator.next() % 3 + 1)
                }
                let unwanted = table.reconcile(with: items)
                #expect(unwanted.allSatisfy { table.sessions[$0] == nil })
            }
            check(table)
        }
    }

    private func check(_ table: RoomTable) {
        for session in table.sessions.values {
            let room = table.rooms[session.room]
            #expect(
                session.role == .publisher
                    ? (room?.publisher == session.id) != (room?.successors[session.id] != nil)
                    : room?.viewers.contains(session.id) == true)
        }
        for room in table.rooms.values {
            #expect(room.publisher.map { table.sessions[$0]?.role == .publisher } ?? true)
            #expect(table.room(named: room.name)?.id == room.id)
            if room.publisher == nil { #expect(room.successors.isEmpty && !room.isLive) }
            #expect(room.successors.keys.allSatisfy { table.sessions[$0]?.room == room.id })
            #expect(room.viewers.allSatisfy { table.sessions[$0]?.room == room.id })
        }
        for summary in table.summaries {
            let viewers = table.rooms[summary.id]?.viewers.count ?? -1
            #expect(summary.viewerCount >= 0 && summary.viewerCount <= viewers)
        }
    }

    private func event(_ id: SessionID, _ bodies: [Event.OneOf_Body], _ generator: inout SplitMix) -> Event {
        message {
            $0.sessionID = Data(id.octets)
            $0.body = bodies[Int(generator.next() % UInt64(bodies.count))]
        }
    }

    @Test func `a session that is being opened survives a snapshot without it`() throws {
        var table = RoomTable()
        let room = try #require(RoomID(number: 5))
        let opening = Session(id: SessionID(), room: room, role: .publisher, isOpen: false)
        _ = table.insert(
            Room(id: room, name: .random(), isLasting: false, createdAt: 0), isStored: false)
        let isReserved = table.reserve(opening, media: Room.assumedMedia)
        #expect(isReserved)
        #expect(table.summaries.isEmpty)
        let unwanted = table.reconcile(with: [])
        #expect(unwanted.isEmpty)
        let isConfirmed = table.confirm(opening.id, number: 1, entityTag: "\"x\"")
        #expect(isConfirmed)
        #expect(table.summaries.count == 1)
        _ = table.reconcile(with: [])
        #expect(table.summaries.isEmpty)
    }

    @Test func `a room that was found before its row has what the row says, its keys above all`() throws {
        var table = RoomTable()
        let name = try #require(RoomName("studio"))
        let id = RoomID(of: name)
        _ = table.reconcile(with: [ReconnectTests.item(1, .publisher, room: id.number)])
        #expect(table.rooms[id]?.name == RoomName(recovered: id))
        var stored = Room(id: id, name: name, isLasting: true, createdAt: 0)
        stored.keys.watch = KeyHash(of: KeyHash.make())
        table.restore(stored)
        let room = try #require(table.room(named: name))
        #expect(room.isLasting && room.keys == stored.keys && room.publisher != nil)
    }

    @Test func `names give numbers below 2^52, unnamed rooms those above`() throws {
        var numbers: Set<UInt64> = []
        for index in 0..<2000 {
            let name = try #require(RoomName("room-\(index)"))
            numbers.insert(RoomID(of: name).number)
            #expect((1 << 52..<1 << 53).contains(RoomID.random().number))
        }
        #expect(numbers.count == 2000)
        #expect(numbers.allSatisfy { (1..<1 << 52).contains($0) })
    }

    @Test func `a session id is its 32 digits and shows 8`() throws {
        let id = SessionID()
        #expect(SessionID(hexadecimal: id.hexadecimal) == id)
        #expect(SessionID(octets: id.octets) == id)
        #expect(id.description.count == 8)
        #expect(
            SessionID(hexadecimal: id.hexadecimal.uppercased() + "") == nil
                || id.hexadecimal.allSatisfy(\.isNumber))
        #expect(SessionID(hexadecimal: "0") == nil)
        #expect(SessionID(octets: [1, 2]) == nil)
    }
}

/// A small seeded generator, so that a failing run can be repeated.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
