import Foundation
import SigmaControl
import SigmaSignal
import Testing

@Suite("Advice: what a streamer should change")
struct AdviceTests {
    private func trouble(_ troubles: [Trouble], line: UInt32 = 1, interval: UInt32 = 0) -> TrackTrouble {
        message {
            $0.mediaLine = line
            $0.troubles = troubles
            $0.keyframeInterval = interval
        }
    }

    @Test func `every trouble has a code of its own and names a setting`() {
        let codes = Trouble.allCases.filter { $0 != .unspecified }.flatMap { kind -> [String] in
            let advice = Advice.all(for: [trouble([kind])])
            #expect(advice.count == 1)
            #expect(advice.allSatisfy { $0.text.contains("OBS") || $0.text.contains("keyframe interval") })
            return advice.map(\.code)
        }
        #expect(
            Set(codes) == [
                "b-frames", "long-keyframe-interval", "bare-keyframes", "changing-parameter-sets",
                "beyond-cache",
            ])
    }

    @Test func `what hides the picture comes first, each code once, and what is not known is left out`() {
        let advice = Advice.all(for: [
            trouble([.bFrames, .UNRECOGNIZED(99), .unspecified]),
            trouble([.bareKeyframes, .bFrames], line: 2),
        ])
        #expect(advice.map(\.code) == ["bare-keyframes", "b-frames"])
    }

    @Test(arguments: [
        (8_333, " 8.3 s "), (10_000, " 10 s "), (20_049, " 20 s "), (UInt32.max, " 4294967.2 s "),
    ])
    func `the interval between keyframes is said in seconds`(milliseconds: UInt32, text: String) throws {
        let advice = Advice.all(for: [trouble([.longKeyframeInterval], interval: milliseconds)])
        let first = try #require(advice.first)
        #expect(first.text.contains(text))
    }

    @Test func `a room says what its publisher should change until it has changed it`() async throws {
        let media = TestMedia()
        try await TestServer.with(media) { server in
            _ = try await server.publish("/whip/studio")
            #expect(try await server.rooms().first?.advice == [])
            let publisher = try #require(await media.sessions.values.first)
            await media.emit(
                publisher, .trackTrouble(trouble([.bFrames, .longKeyframeInterval], interval: 8_300)))
            try await eventually("said") {
                try await server.rooms().first?.advice?.map(\.code) == ["b-frames", "long-keyframe-interval"]
            }
            // Each says all there is of its track; those of another track stay.
            await media.emit(publisher, .trackTrouble(trouble([.bareKeyframes], line: 2)))
            await media.emit(publisher, .trackTrouble(trouble([.bFrames])))
            try await eventually("fewer") {
                try await server.rooms().first?.advice?.map(\.code) == ["bare-keyframes", "b-frames"]
            }
            await media.emit(publisher, .trackTrouble(trouble([])))
            await media.emit(publisher, .trackTrouble(trouble([], line: 2)))
            try await eventually("none") { try await server.rooms().first?.advice == [] }
        }
    }

    @Test func `a restarted signal says what media's snapshot has`() async throws {
        let media = TestMedia(sessions: [
            message {
                $0.sessionID = Data(repeating: 2, count: 16)
                $0.roomID = 7
                $0.role = .publisher
                $0.state = .connected
                $0.live = true
                $0.troubles = [trouble([.bFrames])]
            }
        ])
        try await TestServer.with(media) { server in
            let room = try await server.rooms().first
            #expect(room?.advice?.map(\.code) == ["b-frames"])
        }
    }
}
