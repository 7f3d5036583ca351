import SigmaCore
import SigmaTestKit
import SigmaWire
import Testing

@Suite("BitstreamFacts: ITU-T H.264 §7.3, §7.4")
struct BitstreamFactsTests {
    private static let sps = "6742c01f"
    private static let idr = "65 8884"
    private static let p = "41 9a20"
    private static let b = "01 9e20"

    /// A publisher of 25 pictures a second.
    private struct Stream {
        var facts = BitstreamFacts()
        var circumstances = BitstreamFacts.Circumstances()
        var now: Int64 = 1_000_000_000_000
        var timestamp: UInt32 = 0xFFFF_0000
        var news: [(troubles: Troubles, milliseconds: Int64, at: Int64)] = []
        var questions: [Int64] = []

        mutating func send(_ hex: String, sharing: Bool = false) throws {
            let octets = Capture.octets(hex: hex)
            if !sharing {
                now += 40_000_000
                timestamp &+= 3_600
            }
            let instant = Instant(nanoseconds: now)
            facts.note(
                try H264Payload(octets.span.bytes), octets.span.bytes, timestamp: timestamp, at: instant)
            if facts.isJudgementDue, facts.judge(circumstances, at: instant) { questions.append(now) }
            if let told = facts.takeNews(at: instant) {
                news.append((told.troubles, told.longestInterval.milliseconds, now))
            }
        }

        /// A keyframe and pictures up to the next one.
        mutating func group(seconds: Double, _ other: String = p) throws {
            try send(sps)
            try send(idr, sharing: true)
            for _ in 1..<Int(seconds * 25) { try send(other) }
        }
    }

    @Test func `a stream as it should be has no troubles, and nothing is told`() throws {
        var stream = Stream()
        for _ in 0..<30 { try stream.group(seconds: 2) }
        #expect(stream.news.isEmpty && stream.questions.isEmpty)
        #expect(stream.facts.longestInterval == .seconds(2))
    }

    @Test func `the second picture with B slices is told, and again when there were none for 10 s`() throws {
        var stream = Stream()
        try stream.group(seconds: 2)
        try stream.send(Self.b)
        try stream.send(Self.b, sharing: true)
        try stream.group(seconds: 2)
        #expect(stream.news.isEmpty)
        try stream.send(Self.b)
        for _ in 0..<3 { try stream.send(Self.p) }
        #expect(stream.news.map(\.troubles) == [.bFrames])
        for _ in 0..<6 { try stream.group(seconds: 2) }
        #expect(stream.news.map(\.troubles) == [.bFrames, []])
        let (first, last) = try (#require(stream.news.first), #require(stream.news.last))
        #expect(abs(last.at - first.at - 10_000_000_000) < 300_000_000)
    }

    @Test func `who can be asked is asked once, 11 s after a keyframe, and told of when none comes in 2 s`()
        throws
    {
        var stream = Stream()
        stream.circumstances.canBeAsked = true
        try stream.group(seconds: 25)
        let first = try #require(stream.news.first)
        let keyframe = Int64(1_000_000_000_000 + 40_000_000)
        #expect(stream.questions.count == 1)
        #expect((11_000_000_000...11_200_000_000).contains((stream.questions.first ?? 0) - keyframe))
        #expect(first.troubles == .longKeyframeInterval)
        #expect((13_000_000_000...13_300_000_000).contains(first.at - keyframe))
        #expect(first.milliseconds == (first.at - keyframe) / 1_000_000)
        // Then again as the wait grows by a fifth, and at once in the next wait.
        #expect((4...5).contains(stream.news.count))
        #expect(stream.news.allSatisfy { $0.troubles == .longKeyframeInterval })
    }

    @Test func `who listens, or has a keyframe in 5 s, is told nothing of`() throws {
        var stream = Stream()
        stream.circumstances.canBeAsked = true
        for _ in 0..<8 { try stream.group(seconds: 5) }
        #expect(stream.questions.isEmpty)
        stream.circumstances.listens = true
        for _ in 0..<3 { try stream.group(seconds: 60) }
        #expect(stream.questions.isEmpty && stream.news.isEmpty)
    }

    @Test func `250 pictures at 30 a second are 8.3 s, and it goes after four short intervals`() throws {
        var stream = Stream()
        stream.circumstances.canBeAsked = true
        try stream.group(seconds: 8.32)
        try stream.group(seconds: 8.32)
        #expect(stream.news.isEmpty)
        try stream.group(seconds: 8.32)
        #expect(stream.news.map(\.troubles) == [.longKeyframeInterval])
        #expect(stream.news.map(\.milliseconds) == [8_320])
        for _ in 0..<5 { try stream.group(seconds: 1) }
        #expect(stream.news.last?.troubles == [])
        #expect(stream.facts.longestInterval == .seconds(1))
        #expect(stream.questions.isEmpty)
    }

    @Test func `a pause of the whole stream is no interval between keyframes`() throws {
        var stream = Stream()
        try stream.group(seconds: 2)
        stream.now += 30_000_000_000
        try stream.send(Self.p)
        try stream.group(seconds: 2)
        #expect(stream.news.isEmpty)
    }

    @Test func `a stream that never had a keyframe is told of too`() throws {
        var stream = Stream()
        for _ in 0..<300 { try stream.send(Self.p) }
        #expect(stream.news.first?.troubles == .longKeyframeInterval)
    }

    @Test func `keyframes in a row without parameter sets are told of from the second on`() throws {
        var stream = Stream()
        stream.circumstances.bareKeyframes = 1
        try stream.send(Self.idr)
        #expect(stream.news.isEmpty)
        stream.circumstances.bareKeyframes = 2
        for _ in 0..<3 { try stream.send(Self.idr) }
        stream.circumstances.bareKeyframes = 0
        for _ in 0..<30 { try stream.send(Self.p) }
        #expect(stream.news.map(\.troubles) == [.bareKeyframes, []])
    }

    @Test func `the fourth change of parameter sets within a minute is told of`() throws {
        var changing = Stream()
        for size in 0..<5 {
            try changing.send("6742c0\(10 + size)")
            try changing.send(Self.idr, sharing: true)
            for _ in 0..<50 { try changing.send(Self.p) }
            #expect(changing.news.isEmpty == (size < 4))
        }
        for _ in 0..<40 {
            try changing.send("6742c014")
            try changing.send(Self.idr, sharing: true)
            for _ in 0..<50 { try changing.send(Self.p) }
        }
        #expect(changing.news.map(\.troubles) == [.changingParameterSets, []])
        // The same set again and again, and another source's, are no changes.
        var another = Stream()
        for source in 0..<8 {
            another.facts.beginStream()
            for _ in 0..<3 {
                try another.send("6742c0\(10 + source)")
                try another.send(Self.idr, sharing: true)
            }
        }
        #expect(another.news.isEmpty)
    }

    @Test func `what outgrows the cache is told of, unless the publisher listens`() throws {
        var stream = Stream()
        stream.circumstances.isBeyondCache = true
        try stream.group(seconds: 1)
        #expect(stream.news.map(\.troubles) == [.beyondCache])
        stream.circumstances.listens = true
        try stream.group(seconds: 2)
        #expect(stream.news.map(\.troubles) == [.beyondCache, []])
    }

    @Test func `news come at most once in a second`() throws {
        var stream = Stream()
        for index in 0..<250 {
            stream.circumstances.bareKeyframes = index % 2 * 2
            try stream.send(Self.p)
        }
        #expect(stream.news.count <= 10)
        for (earlier, later) in zip(stream.news, stream.news.dropFirst()) {
            #expect(later.at - earlier.at >= 1_000_000_000)
        }
    }
}
