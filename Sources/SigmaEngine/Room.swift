internal import SigmaCore
internal import SigmaWire

/// One room: at most one publisher with its tracks, any number of viewers.
struct Room {
    var id: RoomID
    var publisher: Int?
    /// Slots.
    var viewers: [Int] = []
    /// One for each m-section of the publisher, in its order.
    var tracks: [Track] = []
    /// From the publisher's NTP time to our timeline, ns; one for all tracks, from its first sender report.
    var ntpOffset: Int64?
    var isLive = false

    var isEmpty: Bool { publisher == nil && viewers.isEmpty }
}

/// One m-section of a publisher: the stream that comes in and the packets that wait to go out.
///
/// A class, since it owns the packets; it is looked up once for a run of packets, not for each viewer.
final class Track {
    let mediaLine: UInt8
    let line: MediaLineRecord
    var ring: PacketRing
    var ssrc: SSRC?
    var statistics = ReceptionStatistics(isAnnounced: true)
    var timeline = MediaTimeline()
    var lastSenderReport: (middle: UInt32, arrival: Instant)?
    var requester = KeyframeRequester()
    var lastArrival = Instant.zero
    var hasEnded = false

    /// Track index = index of the stream + this; moved by stripped packets, jumps and new streams.
    var indexOffset: Int64 = 0
    /// The first stream index that ``indexOffset`` is about; what comes later from before it is dropped.
    var alignedAt: UInt64 = 0
    /// The last stream indices that were not forwarded, oldest first.
    var stripped: [UInt64] = []
    var highestIndex: UInt64 = 0
    var hasPackets = false
    /// The next packet begins a new stream, whose numbers and times follow those of the old one.
    var needsRealignment = false
    /// Added to the stream's timestamps, so that they go on when the publisher changes its SSRC.
    var timestampOffset: UInt32 = 0
    var lastTimestamp: UInt32 = 0

    var packets: UInt64 = 0
    var octets: UInt64 = 0
    var keyframes: UInt64 = 0
    var lastKeyframe: Instant?
    /// Between the last two keyframes, and as last told; ms.
    var keyframeInterval: Int64 = 0
    var announcedInterval: Int64 = 0
    var lastFactsEvent: Instant?
    var lastIntervalEvent: Instant?
    var keyframeTimestamp: UInt32?
    var parameterSetTimestamp: UInt32?
    var facts: TrackFacts
    var factsAreTold = false

    // The fan-out that runs: packets up to `fanOutEnd`, from `fanOutNext` on, viewers from `cursor` on.
    var fanOutNext: UInt64 = 0
    var fanOutEnd: UInt64 = 0
    var cursor = 0
    var serialCursor: UInt64 = 0
    var isQueued = false

    init(mediaLine: UInt8, line: MediaLineRecord) {
        self.mediaLine = mediaLine
        self.line = line
        ring = PacketRing(capacity: line.kind == .video ? 512 : 128)
        facts = TrackFacts(mediaLine: mediaLine, kind: line.kind, codec: line.codec, ssrc: line.ssrc)
        if line.ssrc != 0 { ssrc = SSRC(rawValue: line.ssrc) }
    }

    /// A source that still sends is not replaced: the other one is another layer of a simulcast, of which
    /// one is forwarded, or a stray.
    func canChangeSource(at now: Instant) -> Bool {
        !hasPackets || hasEnded || now - lastArrival >= Self.sourceSilence
    }

    private static let sourceSilence = Interval.milliseconds(500)

    /// The index under which a packet is forwarded, however late it comes.
    ///
    /// - Returns: `nil` when it is too late to say: two packets under one index would be one nonce for both.
    func trackIndex(_ index: UInt64) -> UInt64? {
        guard index >= alignedAt else { return nil }
        if stripped.count == Self.strippedKept, let oldest = stripped.first, index < oldest { return nil }
        // The offset counts every stripped packet, also those behind this one.
        let later = Int64(stripped.count { $0 > index })
        return UInt64(exactly: Int64(bitPattern: index) &+ indexOffset &+ later)
    }

    private static let strippedKept = 32

    /// Lets a new stream follow the old one: its first index is the next, its first timestamp as much
    /// later as time has passed, but never the same.
    func align(index: UInt64, timestamp: UInt32, arrival: Instant) {
        guard needsRealignment else { return }
        needsRealignment = false
        guard hasPackets else { return }
        alignedAt = index
        stripped.removeAll(keepingCapacity: true)
        indexOffset = Int64(bitPattern: highestIndex &+ 1) &- Int64(bitPattern: index)
        let elapsed = max(1, (arrival - lastArrival).nanoseconds / 1_000_000 * Int64(line.clockRate) / 1000)
        timestampOffset = lastTimestamp &+ UInt32(truncatingIfNeeded: elapsed) &- timestamp
    }

    /// From stream index `index` + 1 on, numbers close the gap that a packet leaves which is not forwarded.
    func strip(_ index: UInt64) {
        if stripped.count == Self.strippedKept { stripped.removeFirst() }
        stripped.append(index)
        indexOffset -= 1
    }
}
