internal import SigmaCore

/// How a joiner gets from the last keyframe to live: what is in between is sent faster than it came, with timestamps
/// as close together as it is sent, so that no player stays behind.
///
/// ```
///  outgoing timestamp
///   │            ╱ live: source + offset
///   │         ╱·
///   │     ⋰╱          the replay climbs 2/5 as steep, or less where it would take
///   │ ⋰ ╱             more than 1.6 s to meet the line of live
///   └──────────── source timestamp
///     keyframe   live
/// ```
///
/// Both lines rise, so what follows in the source follows in time, and nothing jumps where they meet.
struct Replay: BitwiseCopyable {
    /// Where in the source it begins.
    let start: UInt32
    /// The keyframe's own timestamp, if parameter sets in front of it have another.
    let picture: UInt32
    /// What the keyframe goes out under.
    let base: UInt32
    /// From this source timestamp on it is live.
    let liveFrom: UInt32
    let begun: Instant
    private let clockRate: UInt32
    /// Ticks of the source from the beginning to where it is live, and ticks in which they are sent.
    private let length: Int64
    private let duration: Int64
    /// Nothing but the first picture: the publisher's next keyframe will be here sooner than the end of a replay.
    let isStill: Bool
    /// The serial of the packet that completes the keyframe.
    let entry: UInt64

    /// What is replayed takes this part of the time it was missed for, if that is not more than `longest`: 2.5 times
    /// as fast as it was made.
    private static let part = (numerator: Int64(2), denominator: Int64(3))
    /// Then it goes as fast as it must: 2 s after joining the viewer sees what everybody sees.
    private static let longest = Interval.milliseconds(1600)

    /// - Parameters:
    ///   - newest: The newest timestamp of the source.
    init(
        start: UInt32, picture: UInt32, newest: UInt32, base: UInt32, clockRate: UInt32, entry: UInt64,
        isStill: Bool, at now: Instant
    ) {
        self.start = start
        self.picture = picture
        self.base = base
        self.clockRate = max(1, clockRate)
        self.isStill = isStill
        self.entry = entry
        begun = now
        let behind = Self.ticks(from: start, to: newest)
        duration = min(
            behind * Self.part.numerator / Self.part.denominator,
            Self.longest.nanoseconds / 1_000_000 * Int64(self.clockRate) / 1000)
        length = behind + duration
        liveFrom = start &+ UInt32(truncatingIfNeeded: length)
    }

    /// Forwards; 0 for what came before.
    private static func ticks(from start: UInt32, to timestamp: UInt32) -> Int64 {
        max(0, Int64(Int32(bitPattern: timestamp &- start)))
    }

    /// What is added to a source timestamp once it is live.
    static func liveOffset(newest: UInt32, base: UInt32) -> UInt32 { base &- newest }

    func isLive(_ timestamp: UInt32) -> Bool { Int32(bitPattern: timestamp &- liveFrom) >= 0 }

    /// The outgoing timestamp of what is not live yet.
    func timestamp(of source: UInt32) -> UInt32 { base &+ UInt32(truncatingIfNeeded: elapsed(at: source)) }

    /// Ticks after the beginning at which a picture goes out.
    private func elapsed(at source: UInt32) -> Int64 {
        Self.ticks(from: start, to: source) * duration / max(1, length)
    }

    /// Whether what has this timestamp comes after the keyframe.
    func isBehindPicture(_ timestamp: UInt32) -> Bool { Int32(bitPattern: timestamp &- picture) > 0 }

    /// Whether it is time to send the picture.
    func isDue(_ timestamp: UInt32, at now: Instant) -> Bool {
        let passed = (now - begun).nanoseconds / 1000 * Int64(clockRate) / 1_000_000
        return elapsed(at: timestamp) <= passed
    }

    /// When all is sent that came before live.
    var end: Instant {
        begun
            + Interval(
                nanoseconds: elapsed(at: liveFrom) * 1_000_000_000 / Int64(clockRate))
    }
}
