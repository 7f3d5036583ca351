import Foundation
import Glibc
import SigmaControl
import SwiftProtobuf
import Testing

/// Random commands, crashes and restarts of either side, against ``ControlModel``.
@Suite("Control protocol against its model", .serialized)
struct ControlModelTests {
    /// `SIGMA_MODEL_SEED` names one seed to run again, `SIGMA_MODEL_STEPS` how far.
    private static let seeds: [UInt64] =
        ProcessInfo.processInfo.environment["SIGMA_MODEL_SEED"].flatMap { UInt64($0) }.map { [$0] }
        ?? Array(1...8)
    private static let steps =
        ProcessInfo.processInfo.environment["SIGMA_MODEL_STEPS"].flatMap { Int($0) } ?? 250

    @Test(arguments: seeds)
    func `replay and snapshot tell every client what happened, once and in order`(seed: UInt64) throws {
        let run = try ControlModelRun(seed: seed)
        do {
            try run.run(steps: Self.steps)
        } catch {
            Issue.record(
                """
                step \(run.step): \(error)
                repeat it: SIGMA_MODEL_SEED=\(seed) SIGMA_MODEL_STEPS=\(run.step) \
                swift test -c release --filter ControlModelTests
                """)
        }
    }

    @Test func `a client that reads late is told exactly what was overwritten`() throws {
        let media = try MediaProcess()
        let late = try ControlSocket(media)
        let hello = try late.greet(from: EventPosition())
        let writer = try ControlSocket(media)
        try writer.greet()
        let count: UInt64 = 90_000
        for start in stride(from: 1, through: count, by: 1_000) {
            var frames: [UInt8] = []
            for number in start..<(start + 1_000) {
                frames += try ControlFrame.encode(
                    try ClientMessage.with {
                        $0.requestID = number
                        $0.anchor.sequence = number
                        $0.anchor.hash = Data(count: 32)
                    }.serializedBytes())
            }
            writer.send(octets: frames)
        }
        while try writer.receive().requestID < count {}

        var next: UInt64 = 1
        var gaps: [Gap] = []
        while next <= count {
            let event = try #require(try late.events(1).first)
            if case .gap(let gap)? = event.body {
                #expect(gap.first == next && event.number == gap.last)
                gaps.append(gap)
                next = gap.last + 1
            } else {
                guard event.number == next, event.anchored.sequence == next else {
                    Issue.record("event \(event.number), expected \(next)")
                    return
                }
                next += 1
            }
        }
        // What its socket and queue took before, then one gap up to the oldest of 65 536.
        #expect(gaps.count == 1 && gaps.last?.last == count - ControlModel.journalCapacity)

        let again = try ControlSocket(media)
        try again.greet(
            from: .with {
                $0.journalID = hello.journalID
                $0.nextNumber = 17
            })
        let told = try again.events(2)
        #expect(told[0].gap.first == 17 && told[0].gap.last == count - ControlModel.journalCapacity)
        #expect(told[1].number == told[0].gap.last + 1)
    }

    @Test func `once a slow client has read all, media rests again`() throws {
        let media = try MediaProcess()
        let slow = try ControlSocket(media)
        try slow.greet()
        for request in 1...400 as ClosedRange<UInt64> {
            try slow.send(
                .with {
                    $0.requestID = request
                    $0.statistics = StatisticsRequest()
                })
        }
        var ends = 0
        while ends < 400 {
            if case .streamEnd? = try slow.receive().body { ends += 1 }
        }
        let before = media.processorTime
        usleep(500_000)
        #expect(media.processorTime - before < 0.2)
    }
}
