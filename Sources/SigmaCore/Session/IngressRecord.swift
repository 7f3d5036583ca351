internal import SigmaWire

/// One incoming stream, as far as it must go on after a restart.
package struct IngressRecord: BitwiseCopyable, Sendable {
    package var isUsed = false
    package var ssrc: UInt32 = 0
    package var mediaLine: UInt8 = 0
    /// The highest index of an authentic packet; ``hasRTP`` tells whether there was one.
    package var highestIndex: UInt64 = 0
    package var hasRTP = false
    /// Bit `index % 1024` of the last 1024 indices: seen.
    package var replayWindow = InlineArray<16, UInt64>(repeating: 0)
    package var hasRTCP = false
    package var srtcpIndex: UInt64 = 0
    /// Bit n: `srtcpIndex` - n was seen.
    package var srtcpWindow: UInt64 = 0
    package var lastHeard = Instant.zero
    package var rid = FixedOctets<16>()
    package var timeline = MediaTimeline()

    package init() {}
}

// MARK: Replay (RFC 3711 §3.3.2)

extension IngressRecord {
    /// Packets that may come late and still be told from a replay.
    package static let replayWindowLength: UInt64 = 1024

    /// The index that a packet with this sequence number has, most likely (RFC 3711 §3.3.1).
    package func index(of number: UInt16) -> UInt64 {
        hasRTP ? SequenceNumber.extend(number, near: highestIndex) : UInt64(number)
    }

    /// Whether `index` is neither seen nor too old to tell.
    package func isNew(_ index: UInt64) -> Bool {
        guard hasRTP, index <= highestIndex else { return true }
        guard highestIndex - index < Self.replayWindowLength else { return false }
        return replayWindow[Self.word(index)] & Self.bit(index) == 0
    }

    /// Notes an authentic packet.
    package mutating func note(_ index: UInt64) {
        if !hasRTP {
            hasRTP = true
            highestIndex = index
        } else if index > highestIndex {
            forget(from: highestIndex + 1, through: index)
            highestIndex = index
        }
        replayWindow[Self.word(index)] |= Self.bit(index)
    }

    private static func word(_ index: UInt64) -> Int { Int(index % replayWindowLength / 64) }

    private static func bit(_ index: UInt64) -> UInt64 { 1 << (index % 64) }

    /// Clears the places of indices that enter the window.
    private mutating func forget(from first: UInt64, through last: UInt64) {
        guard last - first < Self.replayWindowLength else {
            replayWindow = InlineArray(repeating: 0)
            return
        }
        var index = first
        while index <= last {
            replayWindow[Self.word(index)] &= ~Self.bit(index)
            index += 1
        }
    }

    /// The same for SRTCP, whose index comes with the packet (RFC 3711 §3.4), over a window of 64.
    package func isNewRTCP(_ index: UInt64) -> Bool {
        guard hasRTCP, index <= srtcpIndex else { return true }
        let age = srtcpIndex - index
        return age < 64 && srtcpWindow >> age & 1 == 0
    }

    package mutating func noteRTCP(_ index: UInt64) {
        if !hasRTCP || index > srtcpIndex {
            let step = index &- srtcpIndex
            srtcpWindow = hasRTCP && step < 64 ? srtcpWindow << step | 1 : 1
            srtcpIndex = index
            hasRTCP = true
        } else if srtcpIndex - index < 64 {
            srtcpWindow |= 1 << (srtcpIndex - index)
        }
    }
}

// MARK: The sources of a session

extension SessionRecord {
    package func ingressPlace(of ssrc: UInt32) -> Int? {
        for place in ingress.indices where ingress[place].isUsed && ingress[place].ssrc == ssrc {
            return place
        }
        return nil
    }

    /// A source that left for another may not return: nothing could tell its old packets from new ones.
    package func isRetired(_ ssrc: UInt32) -> Bool {
        for place in 0..<min(Int(retiredCount), retired.count) where retired[place] == ssrc { return true }
        return false
    }

    /// A place for a new source: a free one, or that of the source which was silent longest.
    ///
    /// - Returns: `nil` when a session has used up its sources: 8 at a time, 40 in all.
    package mutating func makeIngress(for ssrc: UInt32) -> Int? {
        var oldest = 0
        for place in ingress.indices {
            guard ingress[place].isUsed else {
                start(ssrc, at: place)
                return place
            }
            if ingress[place].lastHeard < ingress[oldest].lastHeard { oldest = place }
        }
        guard Int(retiredCount) < retired.count else { return nil }
        retired[Int(retiredCount)] = ingress[oldest].ssrc
        retiredCount += 1
        start(ssrc, at: oldest)
        return oldest
    }

    private mutating func start(_ ssrc: UInt32, at place: Int) {
        ingress[place] = IngressRecord()
        ingress[place].isUsed = true
        ingress[place].ssrc = ssrc
    }
}
