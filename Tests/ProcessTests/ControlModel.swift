import Foundation
import SigmaControl
import SwiftProtobuf

/// What media must say, kept by the simplest means: a list of all events and a table of all sessions.
struct ControlModel {
    /// What an event says, without its time.
    enum Fact: Equatable {
        case ended(Data, EndReason)
        case anchored(UInt64)
    }

    struct Session: Equatable {
        let room: UInt64
        let role: Role
    }

    static let sessionLimit = 12
    /// Of the journal (design of the control protocol).
    static let journalCapacity: UInt64 = 65_536

    let journalID: Data
    private(set) var facts: [Fact] = []
    private(set) var sessions: [Data: Session] = [:]
    private(set) var acknowledged: UInt64 = 0
    private(set) var lost: UInt64 = 0
    private(set) var opened: UInt64 = 0
    var isDraining = false

    init(journalID: Data) { self.journalID = journalID }

    var newest: UInt64 { UInt64(facts.count) }
    var oldest: UInt64 { newest > Self.journalCapacity ? newest - Self.journalCapacity + 1 : 1 }

    subscript(number: UInt64) -> Fact? {
        number >= 1 && number <= newest ? facts[Int(number) - 1] : nil
    }

    private mutating func append(_ fact: Fact) {
        facts.append(fact)
        if oldest > 1, oldest - 1 > acknowledged { lost += 1 }
    }

    // MARK: Commands

    /// - Returns: The failure that media must answer with; `nil` when the session opens.
    mutating func open(_ id: Data, _ session: Session) -> FailureCode? {
        if isDraining { return .draining }
        if sessions[id] != nil { return .exists }
        if session.role == .publisher, sessions.values.contains(session) { return .roomOccupied }
        if sessions.count == Self.sessionLimit { return .full }
        sessions[id] = session
        opened += 1
        return nil
    }

    mutating func close(_ id: Data, _ reason: EndReason) -> FailureCode? {
        guard sessions.removeValue(forKey: id) != nil else { return .notFound }
        append(.ended(id, reason))
        return nil
    }

    mutating func anchor(_ sequence: UInt64) { append(.anchored(sequence)) }

    /// From the recorder only.
    mutating func acknowledge(_ number: UInt64) {
        if number <= newest { acknowledged = max(acknowledged, number) }
    }
}

/// A difference between media and the model.
struct Divergence: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// One client, which remembers what it has stored of each journal as a recorder would.
final class ModelClient {
    let socket: ControlSocket
    let model: () -> ControlModel
    let hello: MediaHello
    /// The next event it must hear of; `nil` when it wants none.
    private(set) var expected: UInt64?
    /// Gaps that it was told of.
    private(set) var gaps = 0
    private var nextRequest: UInt64 = 1

    /// - Parameter position: The first event it asks for; `nil` for none.
    init(
        _ media: MediaProcess, from position: EventPosition?, isRecorder: Bool,
        model: @escaping () -> ControlModel
    ) throws {
        socket = try ControlSocket(media)
        hello = try socket.greet(from: position, recorder: isRecorder)
        self.model = model
        let now = model()
        guard hello.journalID == now.journalID, hello.newestEvent == now.newest,
            hello.oldestEvent == now.oldest
        else { throw Divergence("hello says \(hello.oldestEvent) to \(hello.newestEvent)") }
        guard let position else { return }
        let isOurs = position.journalID == now.journalID && position.nextNumber > 0
        expected = isOurs ? min(position.nextNumber, now.newest + 1) : 1
    }

    /// Where it would go on after a restart.
    var position: EventPosition {
        .with {
            $0.journalID = hello.journalID
            $0.nextNumber = expected ?? 0
        }
    }

    /// Sends a request and returns all that answers it, up to its end; events in between are taken.
    func exchange(_ fill: (inout ClientMessage) -> Void) throws -> [MediaMessage] {
        var message = ClientMessage()
        message.requestID = nextRequest
        nextRequest += 1
        fill(&message)
        try socket.send(message)
        var answers: [MediaMessage] = []
        while true {
            let answer = try socket.receive()
            if case .event(let event)? = answer.body {
                try take(event)
                continue
            }
            guard answer.requestID == message.requestID else {
                throw Divergence("an answer to \(answer.requestID) after \(message.requestID)")
            }
            answers.append(answer)
            switch answer.body {
            case .snapshotBegin, .sessionPage, .statisticsBegin, .statisticsPage: continue
            default: return answers
            }
        }
    }

    /// Reads until it has heard of all there is.
    func catchUp() throws {
        while let expected, expected <= model().newest {
            guard case .event(let event)? = try socket.receive().body else {
                throw Divergence("an answer that nobody asked for")
            }
            try take(event)
        }
    }

    private func take(_ event: Event) throws {
        guard let number = expected else { throw Divergence("event \(event.number), wanted none") }
        let model = model()
        switch event.body {
        case .gap(let gap)?:
            guard gap.first == number, gap.last >= gap.first, gap.last < model.oldest else {
                throw Divergence(
                    "gap \(gap.first) to \(gap.last), expected from \(number), below \(model.oldest)")
            }
            gaps += 1
            expected = gap.last + 1
        case .ended(let ended)?:
            try check(event, is: .ended(event.sessionID, ended.reason), number, model)
        case .anchored(let anchored)?:
            try check(event, is: .anchored(anchored.sequence), number, model)
        default:
            throw Divergence("event \(event.number) of no command")
        }
    }

    private func check(
        _ event: Event, is fact: ControlModel.Fact, _ number: UInt64, _ model: ControlModel
    ) throws {
        guard event.number == number, model[number] == fact else {
            throw Divergence(
                "event \(event.number) is \(fact), expected \(number): \(String(describing: model[number]))")
        }
        expected = number + 1
    }
}
