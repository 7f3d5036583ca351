import Foundation
import SigmaControl
import SigmaSignal
import Testing

@Suite("ControlConversation: hello, snapshot, events")
struct ControlConversationTests {
    private static let journal = Data(repeating: 9, count: 16)

    private func media(_ body: MediaMessage.OneOf_Body, answers id: UInt64 = 0) -> MediaMessage {
        message {
            $0.requestID = id
            $0.body = body
        }
    }

    private var hello: MediaMessage {
        media(
            .hello(
                message {
                    $0.protocolVersion = 1
                    $0.journalID = Self.journal
                }))
    }

    private func begin(asOf: UInt64) -> MediaMessage {
        media(.snapshotBegin(message { $0.asOf = asOf }), answers: 1)
    }

    private var end: MediaMessage { media(.streamEnd(StreamEnd()), answers: 1) }

    private func event(_ number: UInt64) -> MediaMessage { media(.event(message { $0.number = number })) }

    private func gap(_ first: UInt64, _ last: UInt64) -> MediaMessage {
        media(
            .event(
                message {
                    $0.gap = message {
                        $0.first = first
                        $0.last = last
                    }
                }))
    }

    private func numbers(_ outputs: [ControlConversation.Output]) -> [UInt64] {
        outputs.compactMap { if case .event(let event, isPast: false) = $0 { event.number } else { nil } }
    }

    private func past(_ outputs: [ControlConversation.Output]) -> [UInt64] {
        outputs.compactMap { if case .event(let event, isPast: true) = $0 { event.number } else { nil } }
    }

    @Test func `after media's hello the snapshot is asked for, after its end it is ready`() throws {
        let conversation = Side(position: EventPosition())
        guard case .hello(let own) = conversation.hello(program: "sigma-signal 1").body else {
            Issue.record("no hello")
            return
        }
        #expect(own.protocolVersion == 1 && own.recorder && own.hasEventsFrom)
        guard case .send(let request)? = try conversation.receive(hello).first else {
            Issue.record("nothing asked")
            return
        }
        #expect(request.body == .snapshot(SnapshotRequest()))
        #expect(try conversation.receive(begin(asOf: 0)).isEmpty)
        let outputs = try conversation.receive(end)
        guard case .ready? = outputs.first, outputs.last == .caughtUp else {
            Issue.record("not ready")
            return
        }
    }

    @Test func `events of the snapshot's past are told as past, after the snapshot`() throws {
        let conversation = Side(position: EventPosition())
        _ = try conversation.receive(hello)
        #expect(try conversation.receive(event(3)).isEmpty)
        _ = try conversation.receive(begin(asOf: 4))
        #expect(try conversation.receive(event(4)).isEmpty)
        #expect(try conversation.receive(event(5)).isEmpty)
        let outputs = try conversation.receive(end)
        #expect((past(outputs), numbers(outputs)) == ([3, 4], [5]))
        #expect(numbers(try conversation.receive(event(5))) == [])
        #expect(numbers(try conversation.receive(event(6))) == [6])
        #expect(conversation.position.nextNumber == 7)
        #expect(conversation.position.journalID == Self.journal)
    }

    @Test(arguments: [false, true])
    func `it has caught up when the snapshot's last event is there, whichever comes first`(
        isSnapshotLast: Bool
    ) throws {
        let conversation = Side(position: EventPosition())
        _ = try conversation.receive(hello)
        _ = try conversation.receive(begin(asOf: 2))
        let messages = [[event(1), event(2)], [end]]
        let outputs = try (isSnapshotLast ? messages : messages.reversed()).joined().flatMap {
            try conversation.receive($0)
        }
        #expect(past(outputs) == [1, 2])
        #expect(outputs.last == .caughtUp && outputs.count { $0 == .caughtUp } == 1)
    }

    @Test func `a gap is told, and asks for a new snapshot where it is younger than this one`() throws {
        let conversation = Side(position: EventPosition())
        _ = try conversation.receive(hello)
        _ = try conversation.receive(begin(asOf: 40))
        _ = try conversation.receive(gap(1, 40))
        #expect(
            try conversation.receive(end).dropFirst() == [.gap(first: 1, last: 40, isPast: true), .caughtUp])
        #expect(conversation.position.nextNumber == 41)
        #expect(try conversation.receive(gap(41, 50)) == [.gap(first: 41, last: 50, isPast: false)])
    }

    @Test func `a new journal begins at its oldest event`() throws {
        let old: EventPosition = message {
            $0.journalID = Data(repeating: 1, count: 16)
            $0.nextNumber = 500
        }
        let conversation = Side(position: old)
        _ = try conversation.receive(hello)
        _ = try conversation.receive(begin(asOf: 0))
        _ = try conversation.receive(end)
        #expect(numbers(try conversation.receive(event(1))) == [1])
    }

    @Test func `another version, another first message or a refused snapshot end the connection`() {
        let newer = Side(position: EventPosition())
        #expect(throws: ControlViolation.version(2)) {
            try newer.receive(media(.hello(message { $0.protocolVersion = 2 })))
        }
        let rude = Side(position: EventPosition())
        #expect(throws: ControlViolation.noHello) { try rude.receive(event(1)) }
        let refused = Side(position: EventPosition())
        #expect(throws: ControlViolation.snapshotRefused(.unsupported)) {
            _ = try refused.receive(hello)
            _ = try refused.receive(media(.failure(message { $0.code = .unsupported }), answers: 1))
        }
        let headless = Side(position: EventPosition())
        #expect(throws: ControlViolation.snapshotWithoutBegin) {
            _ = try headless.receive(hello)
            _ = try headless.receive(end)
        }
    }

    @Test func `bodies of a newer media are skipped`() throws {
        let conversation = Side(position: EventPosition())
        #expect(try conversation.receive(MediaMessage()).isEmpty)
        _ = try conversation.receive(hello)
        #expect(try conversation.receive(MediaMessage()).isEmpty)
    }
}

/// A conversation that an expectation may drive.
private final class Side {
    private var conversation: ControlConversation

    init(position: EventPosition) { conversation = ControlConversation(position: position) }

    var position: EventPosition { conversation.position }

    func hello(program: String) -> ClientMessage { conversation.hello(program: program) }

    func receive(_ message: MediaMessage) throws -> [ControlConversation.Output] {
        try conversation.receive(message)
    }
}
