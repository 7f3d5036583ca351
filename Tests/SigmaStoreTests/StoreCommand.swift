import Foundation
import SigmaStore

/// What is done to the store, and to the model of it.
enum StoreCommand {
    case create(StoredRoom)
    case setTitle(String, room: Int64)
    case setKey(RoomKey, Data?, room: Int64)
    case endRoom(Int64)
    case open(NewSession)
    case adopt(NewSession)
    case event(MediaEvent)
    case skip(Int64, journal: String)
    case gap(from: Int64, to: Int64, journal: String)
    case kick(Int64, room: Int64)
    case endSessions(besides: Set<Data>)
    case eraseClient(Int64)
    case eraseClients(before: Int64)
    case checkpoint(before: Int64)
    case prune(before: Int64, limit: Int)
    /// All of them, then an error of its own: nothing of it may be left.
    indirect case fail([StoreCommand])

    struct Refusal: Error {}

    /// - Returns: What the store answered, as text.
    func run(_ transaction: inout StoreTransaction) throws -> String {
        switch self {
        case .create(let room): try transaction.create(room)
        case .setTitle(let title, let room): try transaction.setTitle(title, of: room, by: "uid 0")
        case .setKey(let key, let hash, let room): try transaction.setKey(key, hash, of: room, by: "uid 0")
        case .endRoom(let room): try transaction.end(room: room, at: transaction.now, by: "uid 0")
        case .open(let session): return "\(try transaction.open(session))"
        case .adopt(let session): return "\(try transaction.adopt(session, at: transaction.now))"
        case .event(let event): try transaction.record(event)
        case .skip(let number, let journal): try transaction.skip(number...number, of: journal)
        case .gap(let first, let last, let journal):
            try transaction.recordGap(in: journal, from: first, to: last)
        case .kick(let session, let room): try transaction.kick(session, room: room, by: "uid 0")
        case .endSessions(let served): try transaction.endSessions(besides: served, reason: "media restarted")
        case .eraseClient(let session): return "\(try transaction.eraseClient(of: session, by: "uid 0"))"
        case .eraseClients(let time): return "\(try transaction.eraseClients(before: time))"
        case .checkpoint(let time): return "\(try transaction.checkpoint(before: time)?.sequence ?? 0)"
        case .prune(let time, let limit): return "\(try transaction.prune(before: time, limit: limit))"
        case .fail(let commands):
            for command in commands { _ = try command.run(&transaction) }
            throw Refusal()
        }
        return ""
    }
}

/// Makes commands that a seed repeats: few rooms, sessions and journals, so that they meet.
struct StoreCommandSource {
    var numbers: SeededNumbers
    private var positions: [String: Int64] = [:]

    init(_ seed: UInt64) { numbers = SeededNumbers(seed) }

    mutating func next(at now: Int64, model: StoreModel) -> StoreCommand {
        let room = Int64.random(in: 1...4, using: &numbers)
        let past = now - Int64.random(in: 0...40, using: &numbers)
        switch Int.random(in: 0..<100, using: &numbers) {
        case ..<6: return .create(newRoom(room, at: now))
        case ..<9: return .setTitle(pick(["", "a \"b\" \\ c", "é\n\u{1}🎥", "\u{2028}"]), room: room)
        case ..<12:
            return .setKey(pick([.publish, .watch]), pick([nil, .hash(9), .hash(8)]), room: room)
        case ..<14: return .endRoom(room)
        case ..<26: return .open(newSession(in: room, at: now))
        case ..<30: return .adopt(newSession(in: room, at: now))
        case ..<74: return event(in: room, at: now, model)
        case ..<77: return gap(model)
        case ..<79: return .skip(number(of: "aa", model), journal: "aa")
        case ..<82: return .kick(Int64.random(in: 1...9, using: &numbers), room: room)
        case ..<83: return .endSessions(besides: Set((1...8).map { .hash($0) }))
        case ..<86: return .eraseClient(Int64.random(in: 1...max(1, model.nextSession), using: &numbers))
        case ..<87: return .eraseClients(before: past)
        case ..<90: return .checkpoint(before: past)
        case ..<95: return .prune(before: past, limit: Int.random(in: 1...20, using: &numbers))
        default:
            return .fail((0..<2).map { _ in event(in: room, at: now, model) } + [.kick(1, room: room)])
        }
    }

    private mutating func newRoom(_ id: Int64, at now: Int64) -> StoredRoom {
        StoredRoom(
            id: id, name: pick(["studio", "hall", "", "room \(id)"]), title: pick(["", "Tag \"x\""]),
            isLasting: Bool.random(using: &numbers), publishKey: pick([nil, .hash(7)]), createdAt: now,
            createdBy: "token")
    }

    private mutating func newSession(in room: Int64, at now: Int64) -> NewSession {
        let id = UInt8.random(in: 1...16, using: &numbers)
        var session = NewSession(
            idHash: .hash(id), room: room, role: id % 4 == 0 ? .publisher : .viewer, openedAt: now)
        session.client = pick([nil, ClientData(address: "192.0.2.\(id)", userAgent: "agent \(id)")])
        session.entityTag = pick([nil, "\"tag\(id)\""])
        session.media = session.role == .publisher ? pick([nil, "{}"]) : nil
        return session
    }

    private mutating func event(in room: Int64, at now: Int64, _ model: StoreModel) -> StoreCommand {
        let id = UInt8.random(in: 1...16, using: &numbers)
        let role: StoredRole = id % 4 == 0 ? .publisher : .viewer
        let totals = MediaEvent.Totals(octetsSent: UInt64(id) * 1000, octetsReceived: 7)
        let facts: [MediaEvent.Fact] = [
            .connected, .connected, .disconnected, .reconnected, .publisherLive, .publisherGone,
            .ended(reason: "requested", totals, closedBy: nil),
            .ended(reason: "kicked", totals, closedBy: 1000),
            .trackKnown(kind: "video", codec: "h264", width: 1280, height: 0, profileLevelID: 0x42e01f),
            .keyframeInterval(milliseconds: 2000), .troubles(["b-frames", "x\"y"], keyframeInterval: 9),
            .layerSwitched(layer: 2), .other,
        ]
        let journal = pick(["aa", "aa", "aa", "bb"])
        return .event(
            MediaEvent(
                journal: journal, number: number(of: journal, model), time: now - 3, idHash: .hash(id),
                room: room,
                role: role, mediaLine: pick([nil, 1]), fact: pick(facts)))
    }

    /// Mostly the next, else one that was, or one too far.
    private mutating func number(of journal: String, _ model: StoreModel) -> Int64 {
        (model.positions[journal] ?? 1) + pick([0, 0, 0, 0, 0, 0, -1, 1])
    }

    private mutating func gap(_ model: StoreModel) -> StoreCommand {
        let first = number(of: "bb", model)
        return .gap(from: first, to: first + Int64.random(in: 0...3, using: &numbers), journal: "bb")
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &numbers)]
    }
}
