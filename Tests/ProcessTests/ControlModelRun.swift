import Foundation
import Glibc
import SigmaControl
import SwiftProtobuf

/// One seeded life of `sigma-media` and its clients, every answer and event compared with the model.
final class ControlModelRun {
    private var media: MediaProcess
    private var model: ControlModel
    private var clients: [ModelClient] = []
    private var recorder: ModelClient?
    /// What a client that was killed has stored.
    private var stored = EventPosition()
    private var random: Numbers
    private var sequence: UInt64 = 0
    private var oldestSession = ContinuousClock.now
    private(set) var step = 0
    /// Gaps that were told, of the whole run.
    private(set) var gaps = 0

    private static let clientLimit = 6
    /// The run is all the media thread has to do, and more than it can: without a limit of its load.
    private static let environment = [
        "SIGMA_MAX_SESSIONS": "\(ControlModel.sessionLimit)", "SIGMA_CPU_LIMIT": "100",
    ]

    init(seed: UInt64) throws {
        random = Numbers(state: seed)
        media = try MediaProcess(Self.environment)
        model = ControlModel(journalID: try ControlSocket(media).greet().journalID)
    }

    func run(steps: Int) throws {
        while step < steps {
            step += 1
            // Nobody connects for real; after 30 s media would end them by itself.
            if ContinuousClock.now - oldestSession > .seconds(15) { try closeAll() }
            try act()
        }
        for client in clients { try client.catchUp() }
        // What a newcomer is told of everything: the past by replay, the present by snapshot.
        let newcomer = try connect(EventPosition(), isRecorder: false)
        try snapshot(newcomer)
        try newcomer.catchUp()
    }

    private func act() throws {
        guard let client = clients.randomElement(using: &random) else {
            _ = try connect(stored, isRecorder: true)
            return
        }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<24: try open(client)
        case 24..<40: try close(client)
        case 40..<52: try anchor(client)
        case 52..<60: try snapshot(client)
        case 60..<68: try statistics(client)
        case 68..<76: try acknowledge(client)
        case 76..<82: try client.catchUp()
        case 82..<88: try join()
        case 88..<91: leave(client)
        case 91..<93: try breakOff(client)
        case 93..<95: try restart(client)
        case 95: try drain(client)
        case 96: try beTooSlow()
        case 97: try flood()
        default: try restartMedia()
        }
    }

    // MARK: Commands

    private func id() -> Data { Data(repeating: UInt8.random(in: 1...30, using: &random), count: 16) }

    private func open(_ client: ModelClient) throws {
        let id = id()
        let session = ControlModel.Session(
            room: UInt64.random(in: 1...4, using: &random),
            role: Bool.random(using: &random) ? .publisher : .viewer)
        if model.sessions.isEmpty { oldestSession = ContinuousClock.now }
        let answer = try client.exchange { $0.openSession = Self.request(id, session) }
        let failure = model.open(id, session)
        try expect(answer[0].failure.code == failure ?? .unspecified, "open: \(answer[0].failure)")
        try expect(failure != nil || answer[0].sessionOpened.localUfrag.utf8.count == 12, "no credentials")
    }

    private func close(_ client: ModelClient) throws {
        let isThere = Int.random(in: 0..<4, using: &random) > 0
        let known = model.sessions.keys.sorted { $0[0] < $1[0] }.randomElement(using: &random)
        try close(isThere ? known ?? id() : id(), client)
    }

    private func close(_ id: Data, _ client: ModelClient) throws {
        let reason: EndReason = Bool.random(using: &random) ? .kicked : .requested
        // Before it is sent: the event may come before the answer is read.
        let failure = model.close(id, reason)
        let answer = try client.exchange {
            $0.closeSession.sessionID = id
            $0.closeSession.reason = reason
        }
        try expect(answer[0].failure.code == failure ?? .unspecified, "close: \(answer[0].failure)")
    }

    private func closeAll() throws {
        let client = try clients.first ?? connect(nil, isRecorder: false)
        for id in model.sessions.keys { try close(id, client) }
        oldestSession = ContinuousClock.now
    }

    private func anchor(_ client: ModelClient) throws {
        sequence += 1
        model.anchor(sequence)
        let answer = try client.exchange { $0.anchor = Self.anchor(sequence) }
        try expect(answer[0].body == .done(Done()), "anchor: \(answer[0])")
    }

    private func snapshot(_ client: ModelClient) throws {
        let answers = try client.exchange { $0.snapshot = SnapshotRequest() }
        let begin = answers[0].snapshotBegin
        try expect(
            begin.asOf == model.newest && begin.journalID == model.journalID, "snapshot of \(begin.asOf)")
        let items = answers.flatMap(\.sessionPage.sessions)
        let told = Dictionary(
            items.map { ($0.sessionID, ControlModel.Session(room: $0.roomID, role: $0.role)) },
            uniquingKeysWith: { first, _ in first })
        try expect(told == model.sessions && items.count == told.count, "snapshot of \(items.count) sessions")
        try expect(items.allSatisfy { $0.state == .connecting && !$0.live }, "a session that nobody checked")
    }

    private func statistics(_ client: ModelClient) throws {
        let wanted = Bool.random(using: &random) ? [] : (0..<3).map { _ in id() }
        let answers = try client.exchange { $0.statistics.sessionIds = wanted }
        let reports = answers.flatMap(\.statisticsPage.sessions)
        let expected =
            wanted.isEmpty ? Set(model.sessions.keys) : Set(model.sessions.keys).intersection(wanted)
        try expect(Set(reports.map(\.sessionID)) == expected, "statistics of \(reports.count) sessions")
        let counters = answers[0].statisticsBegin.counters
        try expect(counters["sessions_opened"] == model.opened, "sessions_opened")
        try expect(
            counters["events_acknowledged"] == model.acknowledged,
            "acknowledged \(counters["events_acknowledged"] ?? 0), expected \(model.acknowledged)")
        try expect(counters["events_lost"] == model.lost, "events_lost")
    }

    /// Counts only from the client that claimed the journal last.
    private func acknowledge(_ client: ModelClient) throws {
        let number = UInt64.random(in: 0...(model.newest + 2), using: &random)
        try client.socket.send(.with { $0.acknowledge.number = number })
        if client === recorder { model.acknowledge(number) }
        // It has no answer: the next one comes after it.
        try statistics(client)
    }

    private func drain(_ client: ModelClient) throws {
        for enabled in [true, false] {
            model.isDraining = enabled
            _ = try client.exchange { $0.drain.enabled = enabled }
            try open(client)
        }
    }

    // MARK: Clients

    private func connect(_ position: EventPosition?, isRecorder: Bool) throws -> ModelClient {
        let client = try ModelClient(media, from: position, isRecorder: isRecorder) { [unowned self] in model
        }
        if isRecorder { recorder = client }
        clients.append(client)
        return client
    }

    private func join() throws {
        guard clients.count < Self.clientLimit else { return }
        let isRecorder = Int.random(in: 0..<3, using: &random) == 0
        switch Int.random(in: 0..<4, using: &random) {
        case 0: _ = try connect(nil, isRecorder: isRecorder)
        case 1: _ = try connect(EventPosition(), isRecorder: isRecorder)
        default:
            let next = UInt64.random(in: 0...(model.newest + 2), using: &random)
            let id = model.journalID
            let position = EventPosition.with {
                $0.journalID = id
                $0.nextNumber = next
            }
            _ = try connect(position, isRecorder: isRecorder)
        }
    }

    private func leave(_ client: ModelClient) {
        gaps += client.gaps
        stored = client.position
        clients.removeAll { $0 === client }
        if recorder === client { recorder = nil }
    }

    /// Ends in the midst of a frame, or with one that is none.
    private func breakOff(_ client: ModelClient) throws {
        if Bool.random(using: &random) {
            client.socket.send(octets: [0, 0, 1, 0, 8, 1])
        } else {
            client.socket.send(octets: [0, 0, 0, 2, 0xFF, 0xFF])
            try expect(client.socket.isClosedByPeer(), "a broken frame is heard")
        }
        leave(client)
        try waitUntilForgotten()
    }

    /// As after kill -9: the socket closes with what lay in it, and it goes on from what it had stored.
    private func restart(_ client: ModelClient) throws {
        let wasRecorder = recorder === client
        try client.socket.send(.with { $0.snapshot = SnapshotRequest() })
        leave(client)
        try waitUntilForgotten()
        let again = try connect(stored, isRecorder: wasRecorder)
        try snapshot(again)
    }

    /// Media has read the end of a connection once it answers another that was spoken to later.
    private func waitUntilForgotten() throws {
        let client = try clients.first ?? connect(nil, isRecorder: false)
        try snapshot(client)
    }

    private func beTooSlow() throws {
        let slow = try ControlSocket(media)
        try slow.greet(from: EventPosition())
        let request = try ControlFrame.encode(
            try ClientMessage.with {
                $0.requestID = 1
                $0.statistics = StatisticsRequest()
            }.serializedBytes())
        // Each answer has at least 600 octets: twice the 4 MiB that media queues.
        for _ in 0..<140 { slow.send(octets: Array(repeating: request, count: 100).flatMap { $0 }) }
        try snapshot(try clients.first ?? connect(nil, isRecorder: false))
        try expect(slow.isHungUp(), "a client that never reads is kept")
    }

    /// More events than the journal holds, while nobody reads.
    private func flood() throws {
        let writer = try ControlSocket(media)
        try writer.greet()
        let count = Int(ControlModel.journalCapacity) + 1_000
        var sent = 0
        while sent < count {
            var frames: [UInt8] = []
            let end = min(sent + 1_000, count)
            while sent < end {
                sequence += 1
                sent += 1
                let number = sequence
                frames += try ControlFrame.encode(
                    try ClientMessage.with {
                        $0.requestID = number
                        $0.anchor = Self.anchor(number)
                    }.serializedBytes())
                model.anchor(number)
            }
            writer.send(octets: frames)
        }
        while true {
            let answer = try writer.receive()
            try expect(answer.body == .done(Done()), "anchor: \(answer)")
            if answer.requestID == sequence { break }
        }
        for client in clients { try client.catchUp() }
    }

    // MARK: Media

    private func restartMedia() throws {
        for client in clients { leave(client) }
        _ = media.end(with: SIGKILL)
        let before = model.journalID
        media = try MediaProcess(Self.environment, folder: media.folder)
        model = ControlModel(journalID: try ControlSocket(media).greet().journalID)
        try expect(model.journalID != before, "a new journal with the old id")
    }

    // MARK: Messages

    private func expect(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
        if !isRight { throw Divergence(what()) }
    }

    private static func anchor(_ sequence: UInt64) -> Anchor {
        .with {
            $0.sequence = sequence
            $0.hash = Data(repeating: UInt8(truncatingIfNeeded: sequence), count: 32)
        }
    }

    private static func request(_ id: Data, _ session: ControlModel.Session) -> OpenSession {
        .with {
            $0.sessionID = id
            $0.roomID = session.room
            $0.role = session.role
            $0.remoteUfrag = "abcd"
            $0.remotePassword = String(repeating: "p", count: 22)
            $0.fingerprints = [
                .with {
                    $0.hashFunction = .sha256
                    $0.digest = Data(repeating: 1, count: 32)
                }
            ]
            $0.dtlsRole = .server
            $0.cname = "name"
            $0.media = [
                .with {
                    $0.mid = "0"
                    $0.kind = .audio
                    $0.codec = .opus
                    $0.payloadType = 111
                    $0.clockRate = 48_000
                    $0.ssrcs = [1]
                }
            ]
        }
    }
}

/// SplitMix64: the same seed gives the same life.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
