import SigmaCore
import SigmaCrypto
import SigmaEngine
import Testing

private func request(
    _ id: UInt64, _ role: Role, room: UInt64 = 1, takesOver: Bool = false
) -> SessionRequest {
    var line = MediaLineRecord()
    line.kind = .video
    return SessionRequest(
        sessionID: SessionID(high: 0, low: id), roomID: roomID(room), role: role,
        remoteUfrag: [], fingerprints: [], dtlsRole: .server, media: [line], cname: [], takesOver: takesOver)
}

private func roomID(_ number: UInt64) -> RoomID {
    guard let id = RoomID(rawValue: number) else { preconditionFailure("a room has a number") }
    return id
}

/// A directory, and what it has told the shards.
private struct Run {
    var directory: SessionDirectory
    var told: [String] = []
    var busy: [Double]

    init(shards: Int, limit: Int = 100) {
        directory = SessionDirectory(shards: shards, sessionLimit: limit)
        busy = Array(repeating: 0, count: shards)
    }

    mutating func open(
        _ id: UInt64, _ role: Role, room: UInt64 = 1, takesOver: Bool = false
    ) throws -> Int {
        let request = request(id, role, room: room, takesOver: takesOver)
        let shard = try directory.place(request, busy: busy, at: 7)
        opened(id)
        return shard
    }

    mutating func opened(_ id: UInt64) { note(directory.opened(SessionID(high: 0, low: id))) }

    /// Who has a room.
    var holders: [UInt64] { directory.snapshot.filter(\.hasRoom).map(\.sessionID.low) }

    mutating func connect(_ id: UInt64, _ role: Role, room: UInt64 = 1) {
        let record = EventRecord(
            .connected, sessionID: SessionID(high: 0, low: id), roomID: roomID(room), role: role)
        note(directory.note(record))
    }

    mutating func end(_ id: UInt64, _ role: Role, room: UInt64 = 1) {
        let record = EventRecord(
            .ended(.requested, SessionTotals(SessionCounters())), sessionID: SessionID(high: 0, low: id),
            roomID: roomID(room), role: role)
        note(directory.note(record))
    }

    private mutating func note(_ instructions: [(shard: Int, SessionDirectory.Instruction)]) {
        for (shard, instruction) in instructions {
            switch instruction {
            case .mirror(let room, let publication, let source, let media):
                told.append(
                    "\(shard): mirror \(publication) of room \(room.rawValue) from \(source), "
                        + "\(media.count) line")
            case .endMirror(let publication): told.append("\(shard): end mirror \(publication)")
            case .feed(let room, let publication, let shards):
                told.append("\(shard): feed \(publication) of room \(room.rawValue) to \(shards)")
            }
        }
    }
}

@Suite struct SessionDirectoryTests {
    @Test func `viewers join their publisher's shard while it is under 60 % busy`() throws {
        var run = Run(shards: 2)
        let source = try run.open(1, .publisher)
        for id in 2..<20 { #expect(try run.open(UInt64(id), .viewer) == source) }
        #expect(run.told.isEmpty)
        run.busy[source] = 0.61
        #expect(try run.open(20, .viewer) == 1 - source)
        #expect(
            run.told == [
                "\(1 - source): mirror 1 of room 1 from \(source), 1 line",
                "\(source): feed 1 of room 1 to [\(1 - source)]",
            ])
        // The next one finds the mirror.
        #expect(try run.open(21, .viewer) == 1 - source)
        #expect(run.told.count == 2)
    }

    @Test func `publishers go to the least busy shard, of equals to the emptiest`() throws {
        var run = Run(shards: 3)
        #expect(try run.open(1, .publisher, room: 1) == 0)
        #expect(try run.open(2, .publisher, room: 2) == 1)
        #expect(try run.open(3, .publisher, room: 3) == 2)
        run.busy = [0.5, 0.3, 0.4]
        #expect(try run.open(4, .publisher, room: 4) == 1)
    }

    @Test func `viewers that were there before their publisher are fed where they are`() throws {
        var run = Run(shards: 2)
        let waiting = try run.open(1, .viewer)
        let source = try run.open(2, .publisher)
        #expect(source != waiting)
        #expect(
            run.told == [
                "\(waiting): mirror 1 of room 1 from \(source), 1 line",
                "\(source): feed 1 of room 1 to [\(waiting)]",
            ])
    }

    @Test func `who takes over comes to the same shard, and feeds the others once it is connected`() throws {
        var run = Run(shards: 2)
        let source = try run.open(1, .publisher)
        run.connect(1, .publisher)
        run.busy[source] = 0.7
        let other = try run.open(2, .viewer)
        #expect(other != source)
        run.told = []
        #expect(throws: CommandError.roomOccupied) { _ = try run.open(3, .publisher) }
        #expect(try run.open(3, .publisher, takesOver: true) == source)
        #expect(try run.open(4, .publisher, takesOver: true) == source)
        #expect(run.told.isEmpty)
        run.connect(3, .publisher)
        run.end(1, .publisher)
        #expect(
            run.told == [
                "\(other): mirror 2 of room 1 from \(source), 1 line",
                "\(source): feed 2 of room 1 to [\(other)]",
            ])
        // The one that waits goes, and nothing comes of it; the one that has the room ends the mirror.
        run.end(4, .publisher)
        #expect(run.told.count == 2)
        run.end(3, .publisher)
        #expect(run.told.last == "\(other): end mirror 2")
        run.end(2, .viewer)
        #expect(run.directory.count == 0)
    }

    @Test func `a room that was freed for it is the newcomer's from the start, its viewers' shards fed anew`()
        throws
    {
        var run = Run(shards: 2)
        let source = try run.open(1, .publisher)
        run.connect(1, .publisher)
        run.busy[source] = 0.7
        let other = try run.open(2, .viewer)
        run.told = []
        let newcomer = request(3, .publisher, takesOver: true)
        #expect(try run.directory.place(newcomer, busy: run.busy, at: 7) == source)
        #expect(run.holders == [1])
        // Its shard has ended the one that was silent, and says so before it answers.
        run.end(1, .publisher)
        #expect(run.holders.isEmpty && run.told == ["\(other): end mirror 1"])
        // Who does not take over has come too late, though nobody seems to have the room.
        _ = try run.directory.place(request(4, .publisher), busy: run.busy, at: 7)
        run.opened(3)
        #expect(run.holders == [3])
        run.directory.refused(SessionID(high: 0, low: 4))
        #expect(run.holders == [3])
        #expect(
            run.told.dropFirst() == [
                "\(other): mirror 2 of room 1 from \(source), 1 line",
                "\(source): feed 2 of room 1 to [\(other)]",
            ])
        run.connect(3, .publisher)
        #expect(run.told.count == 3)
        #expect(throws: CommandError.roomOccupied) { _ = try run.open(5, .publisher) }
    }

    @Test func `a feed ends with the last viewer over there, or with its publisher`() throws {
        var run = Run(shards: 2)
        let waiting = try run.open(1, .viewer)
        let source = try run.open(2, .publisher)
        run.told = []
        run.end(1, .viewer)
        #expect(run.told == ["\(waiting): end mirror 1", "\(source): feed 1 of room 1 to []"])
        run.told = []
        run.busy[source] = 1
        _ = try run.open(3, .viewer)
        run.told = []
        run.end(2, .publisher)
        #expect(run.told == ["\(waiting): end mirror 1"])
        // The number is not used again.
        run.told = []
        run.busy[source] = 0
        _ = try run.open(4, .publisher)
        #expect(run.told.allSatisfy { $0.contains(" 2 of room 1") })
    }

    @Test func `one publisher for a room, one session for an id, and no more than the limit`() throws {
        var run = Run(shards: 2, limit: 3)
        _ = try run.open(1, .publisher)
        #expect(throws: CommandError.roomOccupied) { try run.open(2, .publisher) }
        #expect(throws: CommandError.sessionExists) { try run.open(1, .viewer) }
        _ = try run.open(3, .viewer)
        _ = try run.open(4, .viewer)
        #expect(throws: CommandError.full) { try run.open(5, .viewer) }
        run.end(4, .viewer)
        _ = try run.open(5, .viewer)
    }

    @Test func `a session that its shard refused leaves nothing behind`() throws {
        var directory = SessionDirectory(shards: 2, sessionLimit: 1)
        _ = try directory.place(request(1, .publisher), busy: [0, 0], at: 0)
        // It is told of when the shard has said so; commands may follow it at once.
        #expect(directory.snapshot.isEmpty)
        #expect(directory.shard(of: SessionID(high: 0, low: 1)) == 0)
        #expect(directory.obstacle(to: request(2, .publisher)) == SessionID(high: 0, low: 1))
        #expect(directory.obstacle(to: request(2, .viewer)) == nil)
        directory.refused(SessionID(high: 0, low: 1))
        _ = try directory.place(request(1, .publisher), busy: [0, 0], at: 0)
    }

    @Test func `a snapshot says what the events so far have said`() throws {
        var run = Run(shards: 2)
        _ = try run.open(1, .publisher)
        let id = SessionID(high: 0, low: 1)
        func note(_ event: Event) {
            _ = run.directory.note(EventRecord(event, sessionID: id, roomID: roomID(1), role: .publisher))
        }
        #expect(run.directory.snapshot.first?.state == .connecting)
        note(.connected)
        note(.publisherLive)
        #expect(run.directory.snapshot.first?.state == .connected)
        #expect(run.directory.snapshot.first?.isLive == true)
        #expect(run.directory.snapshot.first?.openedAt == 7)
        let troubles = TroubleFacts(mediaLine: 1, troubles: .bFrames, keyframeInterval: 2_000)
        note(.trackTrouble(troubles))
        note(.trackTrouble(TroubleFacts(mediaLine: 2, troubles: .bareKeyframes, keyframeInterval: 0)))
        note(.trackTrouble(TroubleFacts(mediaLine: 2, troubles: [], keyframeInterval: 0)))
        #expect(run.directory.snapshot.first?.troubles == [troubles])
        let tracks = [(0, 0), (1, 360), (1, 720)].map { line, height in
            TrackFacts(mediaLine: UInt8(line), kind: .video, codec: .h264, ssrc: 1, height: UInt32(height))
        }
        for track in tracks { note(.trackKnown(track)) }
        #expect(run.directory.snapshot.first?.tracks == [tracks[0], tracks[2]])
        note(.disconnected)
        #expect(run.directory.snapshot.first?.state == .disconnected)
        note(.reconnected)
        note(.publisherGone)
        #expect(run.directory.snapshot.first?.state == .connected)
        #expect(run.directory.snapshot.first?.isLive == false)
        run.end(1, .publisher)
        #expect(run.directory.snapshot.isEmpty)
        #expect(run.directory.shard(of: id) == nil)
    }
}
