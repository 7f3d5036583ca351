/// What a viewer saw of one SSRC.
///
/// - SeeAlso: RFC 3550 §6.4.1, appendix A.3 (loss), A.8 (jitter)
package struct ReceiveStatistics: Equatable, Sendable {
    package let ssrc: UInt32
    package let kind: MediaKind
    /// Packets that decrypted, repeated ones left out.
    package internal(set) var packets = 0
    package internal(set) var octets = 0
    /// Repeated packets: refused by the replay window or seen before.
    package internal(set) var duplicates = 0
    /// Packets that came after a higher number.
    package internal(set) var outOfOrder = 0
    /// Packets that did not decrypt.
    package internal(set) var decryptFailures = 0
    /// Payloads of a synthetic publisher that are not what it sent.
    package internal(set) var damagedPayloads = 0
    package internal(set) var keyframes = 0
    /// Pictures of which every packet came, in order, from the first keyframe on.
    package internal(set) var completeFrames = 0
    /// Packets that came again with another payload than before.
    package internal(set) var contradictions = 0
    /// Packets that took over 500 ms longer from their capture than the quickest one did.
    package internal(set) var latePackets = 0
    /// What the repair of losses has done.
    package internal(set) var repair = LossRecovery.Counts()
    /// When the first complete keyframe was there, ns on the caller's clock.
    package internal(set) var firstFrameAt: Int64?
    package internal(set) var firstPacketAt: Int64?
    package internal(set) var lastSenderReport: SenderReport?
    package internal(set) var senderReports = 0
    /// The source said BYE.
    package internal(set) var isGone = false
    /// What the publisher's own numbering shows: packets that never reached this viewer, wherever they
    /// were lost, since its first one.
    package internal(set) var missedFromPublisher = 0
    /// Timestamps that went backwards with a rising sequence number.
    package internal(set) var timestampsBackwards = 0
    /// RTP ticks.
    package internal(set) var jitter: UInt32 = 0
    package internal(set) var lastTimestamp: UInt32 = 0
    /// Of the last synthetic packet: its capture time, and its RTP timestamp.
    package internal(set) var lastCapture: Capture?

    package struct SenderReport: Equatable, Sendable {
        /// 32.32 fixed point since 1900.
        package let ntp: UInt64
        package let rtp: UInt32
        package let packets: UInt32
        package let receivedAt: Int64
    }

    package struct Capture: Equatable, Sendable {
        /// ns since the publisher's source began.
        package let time: Int64
        package let rtp: UInt32
    }

    var lowest: UInt64 = 0
    var highest: UInt64 = 0
    /// The fingerprint of each packet, 0 for one that has not come.
    private var seen: [UInt32] = []
    private var quickest: Int64?
    private var transit: Int64?
    private var jitterSixteenths: Int64 = 0
    private var lowestCounter: UInt32?
    private var highestCounter: UInt32 = 0
    private var counted = 0
    private var frame = FrameProgress()
    private var reportedExpected = 0
    private var reportedPackets = 0

    private struct FrameProgress: Equatable {
        var timestamp: UInt32?
        var isWhole = false
        var isKeyframe = false
        var sawKeyframe = false
        var nextIndex: UInt64?
        var lastHadMarker = true
    }

    init(ssrc: UInt32, kind: MediaKind) {
        self.ssrc = ssrc
        self.kind = kind
    }

    /// The newest sequence number, its wraps counted.
    package var newestNumber: UInt64 { highest }

    /// Numbers between the lowest and the highest that never came.
    package var gaps: Int { max(0, expected - packets) }

    private var expected: Int { packets == 0 ? 0 : Int(highest - lowest) + 1 }

    private var clockRate: Int64 { kind == .audio ? 48_000 : 90_000 }

    struct Arrival {
        let index: UInt64
        let timestamp: UInt32
        let marker: Bool
        let payload: ArraySlice<UInt8>
        let startsKeyframe: Bool
        let way: LossRecovery.Way
        let at: Int64
    }

    /// - Returns: `false` for a repeated packet.
    mutating func note(_ arrival: Arrival, _ pattern: TestPattern?) -> Bool {
        let fingerprint = pattern.map { max(1, $0.counter &+ 1) } ?? .max
        if let before = markSeen(arrival.index, fingerprint) {
            duplicates += 1
            if before != fingerprint { contradictions += 1 }
            return false
        }
        packets += 1
        octets += arrival.payload.count
        firstPacketAt = firstPacketAt ?? arrival.at
        if arrival.startsKeyframe { keyframes += 1 }
        if arrival.index == highest {
            if packets > 1, Int32(bitPattern: arrival.timestamp &- lastTimestamp) < 0 {
                timestampsBackwards += 1
            }
            lastTimestamp = arrival.timestamp
        } else {
            outOfOrder += 1
        }
        if arrival.way == .original { noteJitter(arrival) }
        // One that came late leaves its picture incomplete, but not the next.
        if kind == .video, arrival.index == highest { noteFrame(arrival) }
        return true
    }

    mutating func note(_ pattern: TestPattern?, timestamp: UInt32, at now: Int64) {
        guard let pattern else {
            damagedPayloads += 1
            return
        }
        counted += 1
        // Whoever sent it may say any time.
        let transit = now &- pattern.captureTime
        let least = min(quickest ?? transit, transit)
        quickest = least
        if transit &- least > Self.lateAfter { latePackets += 1 }
        lastCapture = Capture(time: pattern.captureTime, rtp: timestamp)
        highestCounter = max(highestCounter, pattern.counter)
        let first = min(lowestCounter ?? pattern.counter, pattern.counter)
        lowestCounter = first
        missedFromPublisher = max(0, Int(highestCounter - first) + 1 - counted)
    }

    /// Nanoseconds.
    private static let lateAfter: Int64 = 500_000_000

    /// Index 0 of `seen` is `lowest`; a packet before the first one moves it down.
    ///
    /// - Returns: The fingerprint of the packet that came before; `nil` for the first one.
    private mutating func markSeen(_ index: UInt64, _ fingerprint: UInt32) -> UInt32? {
        if packets == 0 {
            (lowest, highest) = (index, index)
            seen = [fingerprint]
            return nil
        }
        if index < lowest {
            let missing = Int(min(lowest - index, 65_536))
            seen.insert(contentsOf: [UInt32](repeating: 0, count: missing), at: 0)
            lowest -= UInt64(missing)
        }
        let offset = Int(min(index - lowest, UInt64(Int32.max)))
        while seen.count <= offset { seen.append(0) }
        guard seen[offset] == 0 else { return seen[offset] }
        seen[offset] = fingerprint
        highest = max(highest, index)
        return nil
    }

    /// RFC 3550 appendix A.8.
    private mutating func noteJitter(_ arrival: Arrival) {
        let ticks = Int64(truncatingIfNeeded: Int128(arrival.at) * Int128(clockRate) / 1_000_000_000)
        let now = Int64(Int32(truncatingIfNeeded: ticks &- Int64(arrival.timestamp)))
        if let transit {
            let difference = abs(Int64(Int32(truncatingIfNeeded: now - transit)))
            jitterSixteenths += difference - ((jitterSixteenths + 8) >> 4)
            jitter = UInt32(truncatingIfNeeded: jitterSixteenths >> 4)
        }
        transit = now
    }

    private mutating func noteFrame(_ arrival: Arrival) {
        let isNext = frame.nextIndex == nil || frame.nextIndex == arrival.index
        if frame.timestamp != arrival.timestamp {
            frame.isWhole = isNext && frame.lastHadMarker
            frame.isKeyframe = false
            frame.timestamp = arrival.timestamp
        } else if !isNext {
            frame.isWhole = false
        }
        if arrival.startsKeyframe { frame.isKeyframe = true }
        frame.nextIndex = arrival.index + 1
        frame.lastHadMarker = arrival.marker
        guard arrival.marker, frame.isWhole else { return }
        if frame.isKeyframe, !frame.sawKeyframe {
            frame.sawKeyframe = true
            firstFrameAt = arrival.at
        }
        if frame.sawKeyframe { completeFrames += 1 }
    }

    // MARK: Receiver reports

    struct LossReport {
        let fraction: UInt8
        let cumulative: Int32
    }

    /// Loss since the last call, and since the beginning (RFC 3550 A.3).
    mutating func takeLoss() -> LossReport {
        let newExpected = expected - reportedExpected
        let newLost = newExpected - (packets - reportedPackets)
        reportedExpected = expected
        reportedPackets = packets
        let fraction = newExpected > 0 && newLost > 0 ? min(255, newLost * 256 / newExpected) : 0
        return LossReport(fraction: UInt8(fraction), cumulative: Int32(min(gaps, 0x7F_FFFF)))
    }
}
