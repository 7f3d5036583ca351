package import SigmaWire

/// Judges a publisher's video by its bitstream: which ``Troubles`` it has now.
///
/// Packets are noted as they come and judged ten times a second, so a keyframe that does not come is told of before
/// the one that ends the wait. A publisher that makes keyframes when asked may send them as rarely as it likes:
/// whether it does is found out by asking once, when a wait gets long or the cache for joiners has lost its keyframe.
///
/// ```
///  ··· keyframe ──── 11 s ────▶ asked ── 2 s, no keyframe ──▶ long keyframe interval
///                                 └── keyframe ──▶ it listens: no trouble
/// ```
package struct BitstreamFacts: Sendable {
    /// OBS, x264 and FFmpeg make a keyframe each 250 pictures where nothing else is set, 8.3 s at 30 a second.
    package static let longInterval = Interval.seconds(5)
    /// Of the last four: scene cuts make single ones shorter, and a browser has one before it is first asked.
    private static let leastLongIntervals = 2
    /// A wait that is told of before it ends; a keyframe each 10 s may come a little late.
    private static let longWait = Interval.seconds(11)
    /// A stream without this many is not called one with B-frames: a single one may be a misreading.
    private static let leastBPictures = 2
    private static let bFrameMemory = Interval.seconds(10)
    /// A row of this many keyframes without parameter sets: those of one alone may be lost on the way.
    private static let leastBareKeyframes = 2
    /// A browser that finds its bandwidth takes three steps in its first seconds.
    private static let changeLimit = 4
    private static let changeMemory = Interval.seconds(60)
    /// Time for the answer to a question that was repeated after 500 ms.
    private static let answerTime = Interval.seconds(2)
    /// A pause of the whole stream is none between keyframes.
    private static let silence = Interval.seconds(1)
    private static let judgementPause = Interval.milliseconds(100)

    private var lastArrival: Instant?
    /// The last keyframe came then; or else the stream began, or went on after a silence.
    private var lastBeginning: Instant?
    private var keyframe: UInt32?
    /// Of the last keyframes; encoders that look for scene cuts place them irregularly.
    private var intervals = InlineArray<4, Interval>(repeating: .zero)
    private var intervalCount = 0
    private var bPicture: UInt32?
    private var bPictureCount = 0
    private var lastBPicture = Instant.zero
    private var parameterSet: UInt64?
    private var changes = InlineArray<4, Instant>(repeating: .zero)
    private var changeCount = 0
    private var asked: Instant?
    private var nextJudgement = Instant.zero
    /// ``judge(_:at:)`` has something to do.
    package private(set) var isJudgementDue = false

    /// As of the last judgement.
    package private(set) var troubles: Troubles = []
    /// The longest of the last intervals between keyframes, the one that lasts included.
    package private(set) var longestInterval = Interval.zero
    private var told: Troubles = []
    private var toldInterval = Interval.zero
    private var lastTold: Instant?

    package init() {}

    /// What follows has no connection with what went before.
    package mutating func beginStream() {
        lastArrival = nil
        lastBeginning = nil
        keyframe = nil
        bPicture = nil
        parameterSet = nil
    }

    // MARK: Packets

    /// - Parameters:
    ///   - payload: What was found in `octets`, the payload of one packet.
    package mutating func note(
        _ payload: H264Payload, _ octets: RawSpan, timestamp: UInt32, at arrival: Instant
    ) {
        if lastArrival.map({ arrival - $0 > Self.silence }) ?? true { lastBeginning = arrival }
        lastArrival = arrival
        isJudgementDue = arrival >= nextJudgement
        if payload.startsIDR { noteKeyframe(timestamp, at: arrival) }
        if payload.startsBSlice, bPicture != timestamp {
            bPicture = timestamp
            bPictureCount = min(Self.leastBPictures, bPictureCount + 1)
            lastBPicture = arrival
        }
        if let range = payload.sequenceParameterSet {
            noteParameterSet(octets.extracting(range), at: arrival)
        }
    }

    private mutating func noteKeyframe(_ timestamp: UInt32, at arrival: Instant) {
        if let keyframe, Int32(bitPattern: timestamp &- keyframe) <= 0 { return }
        if let lastBeginning {
            intervals[intervalCount % intervals.count] = arrival - lastBeginning
            intervalCount += 1
        }
        keyframe = timestamp
        lastBeginning = arrival
    }

    /// The sequence parameter set says size and coding tools; of picture parameter sets there may be several side by
    /// side.
    private mutating func noteParameterSet(_ unit: RawSpan, at arrival: Instant) {
        // FNV-1a.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for place in 0..<unit.byteCount { hash = (hash ^ UInt64(unit.octet(at: place))) &* 0x100_0000_01B3 }
        defer { parameterSet = hash }
        guard let parameterSet, parameterSet != hash else { return }
        changes[changeCount % changes.count] = arrival
        changeCount += 1
    }

    // MARK: Judgement

    /// What is known of the publisher and of what is kept for joiners.
    package struct Circumstances: Sendable {
        /// Keyframes in a row that came without parameter sets.
        package var bareKeyframes = 0
        /// The last keyframe is no longer kept.
        package var isBeyondCache = false
        /// It can be asked for keyframes, as far as was negotiated.
        package var canBeAsked = false
        /// It makes them when asked.
        package var listens = false

        package init() {}
    }

    /// Judges what was noted so far.
    ///
    /// - Returns: Whether to ask the publisher for a keyframe, to learn whether it listens.
    package mutating func judge(_ circumstances: Circumstances, at now: Instant) -> Bool {
        isJudgementDue = false
        nextJudgement = now + Self.judgementPause
        var found: Troubles = []
        if bPictureCount >= Self.leastBPictures {
            if now - lastBPicture < Self.bFrameMemory { found.insert(.bFrames) } else { bPictureCount = 0 }
        }
        if circumstances.bareKeyframes >= Self.leastBareKeyframes { found.insert(.bareKeyframes) }
        if changeCount >= Self.changeLimit, now - changes[changeCount % changes.count] < Self.changeMemory {
            found.insert(.changingParameterSets)
        }
        let shouldAsk = judgeJoining(circumstances, into: &found, at: now)
        troubles = found
        return shouldAsk
    }

    private mutating func judgeJoining(
        _ circumstances: Circumstances, into found: inout Troubles, at now: Instant
    ) -> Bool {
        let wait = lastBeginning.map { now - $0 } ?? .zero
        longestInterval = wait
        var longIntervals = 0
        for place in 0..<min(intervalCount, intervals.count) {
            longestInterval = max(longestInterval, intervals[place])
            if intervals[place] > Self.longInterval { longIntervals += 1 }
            // Told of while it lasted, it is not taken back at its end.
            if intervals[place] >= Self.longWait { longIntervals += Self.leastLongIntervals }
        }
        guard !circumstances.listens else { return false }
        if longIntervals >= Self.leastLongIntervals { found.insert(.longKeyframeInterval) }
        let isLong = wait >= Self.longWait
        guard isLong || circumstances.isBeyondCache else { return false }
        if circumstances.canBeAsked {
            guard let asked else {
                asked = now
                return true
            }
            guard now - asked >= Self.answerTime else { return false }
        }
        if isLong { found.insert(.longKeyframeInterval) }
        if circumstances.isBeyondCache { found.insert(.beyondCache) }
        return false
    }

    /// What is to be told, at most once in a second: all troubles there are, when they have changed, or when the
    /// interval between keyframes has by more than a fifth.
    package mutating func takeNews(at now: Instant) -> (troubles: Troubles, longestInterval: Interval)? {
        let (before, after) = (toldInterval.nanoseconds, longestInterval.nanoseconds)
        let hasMoved = troubles.contains(.longKeyframeInterval) && abs(after - before) > before / 5
        guard troubles != told || hasMoved, lastTold.map({ now - $0 >= .seconds(1) }) ?? true else {
            return nil
        }
        (told, toldInterval, lastTold) = (troubles, longestInterval, now)
        return (troubles, longestInterval)
    }
}
