internal import SigmaCore
internal import SigmaWire

/// One room: at most one publisher with its tracks, any number of viewers.
struct Room {
    var id: RoomID
    var publisher: Int?
    /// Slots.
    var viewers: [Int] = []
    /// Publishers that take the room over once their handshake is done.
    var successors: [Int] = []
    /// One for each m-section of the publisher, in its order.
    private(set) var tracks: [Track] = []
    /// Where the streams of publishers before stood on our timeline, for those who go on with the next ones'.
    private var departed: [Departed] = []
    /// From the publisher's NTP time to our timeline, ns; one for all tracks, from its first sender report.
    var ntpOffset: Int64?
    var isLive = false
    /// What its publisher sends, as other shards know it; `nil` while one shard has all of the room.
    var publication: UInt64?
    /// The shard of the publisher, when that is another.
    var source: Int?

    init(id: RoomID) { self.id = id }

    var isEmpty: Bool { publisher == nil && viewers.isEmpty && successors.isEmpty }

    mutating func setTracks(_ tracks: [Track]) {
        // One that sent nothing has left viewers where they were.
        for track in self.tracks where track.timeline.isKnown {
            departed.removeAll { $0.kind == track.line.kind }
            departed.append(Departed(kind: track.line.kind, stream: track.stream, timeline: track.timeline))
        }
        self.tracks = tracks
    }

    func departed(_ kind: MediaKind) -> Departed? { departed.first { $0.kind == kind } }
}

/// A stream that has ended, and the map from its timestamps to our timeline.
struct Departed: BitwiseCopyable {
    var kind: MediaKind
    var stream: UInt32
    var timeline: MediaTimeline
}

/// One m-section of a publisher: the stream that comes in and the packets that wait to go out.
///
/// A class, since it owns the packets; it is looked up once for a run of packets, not for each viewer.
final class Track {
    let mediaLine: UInt8
    let line: MediaLineRecord
    var ring: PacketRing
    /// What the publisher's offer said, unless it said it of two m-sections.
    let announced: SSRC?
    var ssrc: SSRC?
    var statistics = ReceptionStatistics()
    var timeline = MediaTimeline()
    var lastSenderReport: (middle: UInt32, arrival: Instant)?
    var requester = KeyframeRequester()
    /// Of a publisher that listens to NACK; `nil` for others.
    var repair: LossRepair?
    var lastArrival = Instant.zero
    var hasEnded = false

    /// Counts the sources, and their jumps: viewers go from one stream to the next at an entry point.
    ///
    /// It goes on from one publisher of the room to the next.
    private(set) var stream: UInt32 = 0
    /// The stream before.
    private(set) var previous: Departed?
    private var entryPoints = EntryPointFinder()
    /// Packets with parameter sets in this stream.
    private var parameterSets: UInt32 = 0
    /// Keyframes in a row that came without.
    private(set) var bareKeyframes = 0
    /// The last stream indices that were not forwarded, oldest first, and how many there were in all.
    private var stripped: [UInt64] = []
    private var strippedCount: UInt64 = 0
    /// The highest index that was forwarded in this stream.
    var newest: UInt64?

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
    var facts: TrackFacts
    var factsAreTold = false
    var bitstream = BitstreamFacts()

    // Other shards whose viewers follow this track, and what they know it by.
    var publication: UInt64 = 0
    var feeds: [Int] = []
    // Of a track that another shard receives: the next serial over there, since when none was lost, and how much
    // further the streams are here.
    var nextRelayed: UInt64 = 0
    var relayedSince: UInt64 = 0
    var streamOffset: UInt32 = 0

    var fanOut = FanOutWalk()
    /// The packet that completes the newest entry point, and its stream: a joiner begins there.
    private var newestEntry: (serial: UInt64, stream: UInt32)?

    /// Notes where a joiner can begin; called with each packet that has entered the ring.
    func noteEntry(_ packet: PacketRing.Packet) {
        guard line.kind == .video, packet.entryPoint == .whole else { return }
        let serial = ring.nextSerial - 1
        newestEntry = (serial, packet.stream)
        lastStill = nil
        ring.keptSince = serial - min(serial, UInt64(packet.entryDistance))
    }

    /// The last keyframe, once the ring has not all since.
    private var lastStill: Still?

    /// What a joiner sees where ``entry`` is `nil`.
    var still: Still? { lastStill?.stream == stream ? lastStill : nil }

    /// Copies a packet into the ring.
    ///
    /// - Returns: `false` when it is too long.
    func append(_ packet: PacketRing.Packet, _ octets: RawSpan) -> Bool {
        if ring.overwritesKept, let entry, let start = ring.keptSince {
            lastStill = Still(of: ring, from: start, entry: entry)
        }
        return ring.append(packet, octets)
    }

    /// Where a joiner can begin; `nil` when the ring has not all since the last keyframe.
    var entry: UInt64? {
        guard let newestEntry, newestEntry.stream == stream, let start = ring.keptSince,
            start >= ring.oldestSerial
        else { return nil }
        return newestEntry.serial
    }

    /// The serial of the first packet of what a joiner gets; `nil` where the ring has not all of it.
    var entryStart: UInt64? { entry == nil ? nil : ring.keptSince }

    /// - Parameter isUnambiguous: No other m-section announces the same SSRC.
    init(mediaLine: UInt8, line: MediaLineRecord, isUnambiguous: Bool, after previous: Departed? = nil) {
        self.previous = previous
        stream = previous.map { $0.stream &+ 1 } ?? 0
        self.mediaLine = mediaLine
        self.line = line
        announced = line.ssrc != 0 && isUnambiguous ? SSRC(rawValue: line.ssrc) : nil
        ssrc = announced
        ring = line.kind == .video ? PacketRing(capacity: 512, limit: 4096) : PacketRing(capacity: 128)
        facts = TrackFacts(mediaLine: mediaLine, kind: line.kind, codec: line.codec, ssrc: line.ssrc)
        repair = line.feedback.contains(.nack) ? LossRepair(line) : nil
    }

    // MARK: Sources

    var hasPackets: Bool { statistics.isStarted }

    /// Whether `ssrc` may take the track over.
    ///
    /// A source that still sends is not replaced: the other one is another layer of a simulcast, of which
    /// one is forwarded, or a stray. The announced one need not wait.
    func canChangeSource(to ssrc: SSRC, at now: Instant) -> Bool {
        !hasPackets || hasEnded || ssrc == announced || now - lastArrival >= Self.sourceSilence
    }

    private static let sourceSilence = Interval.milliseconds(500)

    func adopt(_ ssrc: SSRC) {
        let isFirst = !hasPackets
        self.ssrc = ssrc
        statistics = ReceptionStatistics()
        if !isFirst { depart() }
        timeline = MediaTimeline()
        lastSenderReport = nil
        hasEnded = false
        stripped.removeAll(keepingCapacity: true)
        strippedCount = 0
        newest = nil
        repair?.restart()
        if isFirst {
            // Its first keyframe may be lost; one that comes takes the wish back before anything is sent.
            wantKeyframe()
        } else {
            beginStream()
        }
    }

    /// What follows has no connection with what went before: no decoder can go on with it but at a keyframe.
    func beginStream() {
        depart()
        stream &+= 1
        newest = nil
        entryPoints = EntryPointFinder()
        parameterSets = 0
        bareKeyframes = 0
        bitstream.beginStream()
        keyframeTimestamp = nil
        wantKeyframe()
    }

    /// Another shard, which receives the track, says which stream it is in.
    func follow(_ stream: UInt32) {
        guard stream != self.stream else { return }
        depart()
        self.stream = stream
    }

    /// Remembers where the stream that ends stands on our timeline.
    private func depart() {
        guard timeline.isKnown, previous?.stream != stream else { return }
        previous = Departed(kind: line.kind, stream: stream, timeline: timeline)
    }

    private func wantKeyframe() {
        if line.kind == .video { requester.want() }
    }

    // MARK: Entry points

    /// Marks what a decoder can do with the packet that is about to enter the ring.
    func markEntryPoint(_ payload: H264Payload, of stored: inout PacketRing.Packet) {
        if payload.carriesParameterSets { parameterSets &+= 1 }
        stored.carriesParameterSets = payload.carriesParameterSets
        stored.parameterSets = parameterSets
        let since: UInt32
        switch entryPoints.note(payload, timestamp: stored.timestamp) {
        case .none: return
        case .bareKeyframe:
            stored.entryPoint = .bareKeyframe
            since = stored.timestamp
            // Its parameter sets are late or lost, and asking goes on; from a publisher that sends them once
            // only there is nothing better to be had.
            bareKeyframes += 1
            if bareKeyframes > 1 { requester.keyframeArrived() }
        case .keyframe(let first):
            stored.entryPoint = .whole
            since = first
            bareKeyframes = 0
            requester.keyframeArrived()
        }
        stored.entryIndex = stored.index
        stored.entryTimestamp = since
        guard let beginning = ring.beginning(since: since, stream: stream) else { return }
        stored.entryDistance = UInt16(clamping: ring.nextSerial - beginning.serial)
        stored.entryIndex = min(stored.index, beginning.index)
    }

    // MARK: Numbers

    /// The index under which a packet is forwarded, however late it comes.
    ///
    /// - Returns: `nil` when it is too late to say: two packets under one index would be one nonce for both.
    func trackIndex(_ index: UInt64) -> UInt64? {
        if stripped.count == Self.strippedKept, let oldest = stripped.first, index < oldest { return nil }
        // All stripped packets are counted, also those behind this one.
        let later = UInt64(stripped.count { $0 > index })
        return index &- (strippedCount - later)
    }

    private static let strippedKept = 32

    /// Whether viewers would see a gap too long to be loss, although the publisher's numbers made no such jump.
    ///
    /// Its packets between were not for them. Gaps that add up to 2¹⁵ would hide a wrap from a viewer, who could
    /// decrypt no more (RFC 3711 §3.3.1).
    func isApart(_ place: UInt64) -> Bool {
        guard let newest, place > newest else { return false }
        return place - newest >= ReceptionStatistics.maximumDropout
    }

    /// From stream index `index` + 1 on, numbers close the gap that a packet leaves which is not forwarded.
    func strip(_ index: UInt64) {
        if stripped.count == Self.strippedKept { stripped.removeFirst() }
        stripped.append(index)
        strippedCount += 1
    }
}

extension LossRepair {
    /// For what was negotiated: nothing is asked for that its sender keeps no longer.
    init(_ line: MediaLineRecord) {
        let kept = line.rtxTime > 0 ? Interval.milliseconds(Int64(line.rtxTime)) : Self.longestLifetime
        self.init(hasRTX: line.rtxPayloadType != 0, lifetime: min(kept, Self.longestLifetime))
    }
}
