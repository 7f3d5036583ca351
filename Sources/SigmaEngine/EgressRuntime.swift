internal import SigmaCore
internal import SigmaWire

/// The part of an outgoing stream that a restart may forget.
struct EgressRuntime: BitwiseCopyable {
    /// As the viewer negotiated it.
    private(set) var line = MediaLineRecord()
    private(set) var header = RTPHeaderTemplate()
    /// Of what is sent again, where that has a stream of its own (RFC 4588 §4).
    private(set) var rtxHeader = RTPHeaderTemplate()
    /// The track it follows, by place in the room; `nil` while the room has none of its kind.
    private(set) var track: Int?
    /// The serial of the packet that comes next: the track's ring is the viewer's queue.
    var next: UInt64 = 0
    /// Packets before this serial go whatever their age: the entry point that it began with.
    var cleared: UInt64 = 0
    private var isStarted = false
    /// The stream of the track that it is in, or was in last.
    private var stream: UInt32 = 0
    /// The viewer has the parameter sets up to this number of that stream; 0 for none.
    var parameterSets: UInt32 = 0
    /// Outgoing index = source index + this.
    var indexOffset: Int64 = 0
    /// Source indices before this stay behind: before the first that was forwarded, or the end of a gap that was
    /// closed.
    var firstSourceIndex: UInt64 = 0
    /// The first outgoing index that is made by another rule than those before.
    ///
    /// Noted in the record when something has been sent by it; 0 when it is.
    var pendingChange: UInt64 = 0
    /// How it catches up, from when it began with a keyframe of the past until long after it was live.
    var replay: Replay?
    /// The first outgoing index of it.
    var replaySince: UInt64 = 0
    /// It may begin with a keyframe of the past.
    var mayReplay = false
    /// ``next`` counts the packets of the track's still.
    var isShowingStill = false
    /// Behind the highest source index that was sent.
    var sourceEnd: UInt64 = 0
    /// A picture with this timestamp was dropped, and what comes of it still.
    var droppedTimestamp: UInt32 = 0
    var isDropping = false
    var lastSent = Instant.zero
    var nextSenderReport = Instant.never
    /// The viewer's last FIR: the same number again is the same request (RFC 5104 §4.3.1.1).
    var lastFIR: UInt8?
    /// Losses of the last report of the viewer.
    var reportedLost: Int32 = 0
    /// Of 256 packets between its last two reports, those that were lost.
    var reportedFractionLost: UInt8 = 0
    /// RTP ticks.
    var reportedJitter: UInt32 = 0

    mutating func negotiate(_ line: MediaLineRecord) {
        self.line = line
        header = RTPHeaderTemplate(
            payloadType: line.payloadType, ssrc: SSRC(rawValue: line.ssrc), midID: line.extensionID(.mid),
            mid: line.mid.octets)
        guard line.hasRTX else { return }
        rtxHeader = RTPHeaderTemplate(
            payloadType: line.rtxPayloadType, ssrc: SSRC(rawValue: line.rtxSSRC),
            midID: line.extensionID(.mid),
            mid: line.mid.octets)
    }

    /// Follows a stream at all.
    var hasStarted: Bool { isStarted }

    /// The stream that it follows, or followed last.
    var currentStream: UInt32 { stream }

    func follows(_ stream: UInt32) -> Bool { isStarted && self.stream == stream }

    /// Something was sent under its SSRC.
    var isKnown: Bool { lastSent != .zero }

    /// Whether the decoder that `packet` would start anew has all parameter sets that came before.
    func hasParameterSets(for packet: PacketRing.Packet) -> Bool {
        stream == packet.stream && packet.parameterSets > 0 && parameterSets == packet.parameterSets
    }

    mutating func follow(_ stream: UInt32) {
        if self.stream != stream { parameterSets = 0 }
        self.stream = stream
        isStarted = true
        isDropping = false
    }

    /// Nothing more until the next entry point.
    mutating func hold() { isStarted = false }

    /// Asked for each run, of a value that is read without copying the rest.
    var isReplaying: Bool { replay != nil }

    /// - Parameter next: The serial of the track's first packet that is for this viewer.
    mutating func subscribe(to track: Int?, from next: UInt64) {
        self.track = track
        self.next = next
        isStarted = false
        parameterSets = 0
        replay = nil
        isShowingStill = false
    }

    // MARK: Numbers

    /// The index under which a packet goes out.
    func outgoingIndex(of source: UInt64) -> UInt64 {
        UInt64(bitPattern: Int64(bitPattern: source) &+ indexOffset)
    }

    /// Closes the gap that a packet leaves which is not sent, for those behind it.
    ///
    /// One that was overtaken by what is sent leaves its gap; and what it has overtaken itself is not sent any more:
    /// its number would be another's.
    mutating func closeGap(of source: UInt64) {
        guard source >= sourceEnd else { return }
        indexOffset &-= 1
        firstSourceIndex = max(firstSourceIndex, source &+ 1)
        pendingChange = outgoingIndex(of: firstSourceIndex)
    }

    /// Closes the gap before a packet, whatever was in it.
    ///
    /// - Parameter nextIndex: The outgoing index that is next.
    mutating func closeGap(before source: UInt64, nextIndex: UInt64) {
        guard source > sourceEnd else { return }
        indexOffset = Int64(bitPattern: nextIndex &- source)
        firstSourceIndex = max(firstSourceIndex, source)
        sourceEnd = source
        pendingChange = nextIndex
    }
}
