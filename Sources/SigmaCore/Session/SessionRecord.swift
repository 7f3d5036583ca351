/// All of a session that outlives the process: plain octets, no pointers, one slot of the slab.
///
/// ```
/// | commit | generation | cold copy 0 | cold copy 1 | agent | egress × 4 | ingress × 8 | counters | … 8192
/// ```
///
/// COLD is written only at transitions, by ``SessionSlab/commit(_:slot:)``: into the copy that is not
/// current, checksummed, then the commit word names it. HOT (all the rest) has no checksum and one writer,
/// the shard that owns the session; its fields are aligned words.
///
/// Not in it: the `SSL`, cipher contexts, packets. They are rebuilt.
package struct SessionRecord: BitwiseCopyable {
    package static let length = 8192

    /// Bit 0 selects the current copy of ``cold``, the rest counts the commits; 0 in a free slot.
    package var commit: UInt64 = 0
    /// Counts the tenants of the slot.
    package var generation: UInt32 = 0
    package var cold = InlineArray<2, ColdRecord>(repeating: ColdRecord())

    package var agent = ICELiteAgent()
    package var egress = InlineArray<4, EgressRecord>(repeating: EgressRecord())
    package var ingress = InlineArray<8, IngressRecord>(repeating: IngressRecord())
    /// SSRCs that had to leave ``ingress`` for others, and may not come back: their windows are gone.
    package var retired = InlineArray<32, UInt32>(repeating: 0)
    package var retiredCount: UInt8 = 0
    package var counters = SessionCounters()
    /// Next index of the SRTCP we send, next transport-wide sequence number.
    package var nextSRTCPIndex: UInt64 = 0
    package var nextTransportCCNumber: UInt64 = 0

    package init() {}

    /// The committed cold part, in place.
    package var current: ColdRecord {
        _read { yield cold[Int(commit & 1)] }
    }
}

/// What signaling asked for and the handshake found out.
package struct ColdRecord: BitwiseCopyable {
    package var sessionID = SessionID(high: 0, low: 0)
    package var roomID = RoomID.none
    package var role = Role.viewer
    package var state = SessionState.connecting
    package var isDTLSClient = false
    package var isPaused = false
    package var ownerShard: UInt8 = 0
    /// SRTP protection profile, 0 before the handshake.
    package var srtpProfile: UInt16 = 0
    package var openedAt = Instant.zero
    package var openedAtUnix: UInt64 = 0

    package var localUfrag = FixedOctets<16>()
    package var localPassword = FixedOctets<32>()
    /// The credentials before an ICE restart, until the new ones are nominated.
    package var previousUfrag = FixedOctets<16>()
    package var previousPassword = FixedOctets<32>()
    package var remoteUfrag = FixedOctets<256>()

    package var fingerprintHash: UInt8 = 0
    package var fingerprint = FixedOctets<64>()
    /// The close_notify record, made when the `SSL` is freed.
    package var closeNotify = FixedOctets<64>()
    /// Derived SRTP and SRTCP keys, authentication keys and salts of both directions.
    package var keys = FixedOctets<254>()

    package var media = InlineArray<8, MediaLineRecord>(repeating: MediaLineRecord())
    package var mediaCount: UInt8 = 0
    package var rids = InlineArray<4, FixedOctets<16>>(repeating: FixedOctets())
    package var cname = FixedOctets<64>()
    package var checksum: UInt32 = 0

    package init() {}
}

/// One negotiated m-section.
package struct MediaLineRecord: BitwiseCopyable, Sendable {
    package var mid = FixedOctets<16>()
    package var kind = MediaKind.audio
    package var codec = Codec.opus
    package var payloadType: UInt8 = 0
    /// 0 without RTX.
    package var rtxPayloadType: UInt8 = 0
    /// How long the peer keeps what it sent, or waits for what it lost, ms (RFC 4588 §8.1); 0 when it does not say.
    package var rtxTime: UInt16 = 0
    package var feedback = Feedback()
    /// The extension's id by kind; 0 where not negotiated.
    package var extensionIDs = InlineArray<11, UInt8>(repeating: 0)
    /// Hz, never 0.
    package var clockRate: UInt32 = 90_000
    /// What a publisher announced, or 0; what we send a viewer with.
    package var ssrc: UInt32 = 0
    package var rtxSSRC: UInt32 = 0

    package init() {}

    /// The rtcp-fb both sides agreed on.
    package struct Feedback: OptionSet, BitwiseCopyable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let nack = Feedback(rawValue: 1)
        package static let nackPLI = Feedback(rawValue: 2)
        package static let ccmFIR = Feedback(rawValue: 4)
        package static let transportCC = Feedback(rawValue: 8)
        package static let googREMB = Feedback(rawValue: 16)
        package static let reducedSize = Feedback(rawValue: 32)
    }

    package func extensionID(_ kind: ExtensionKind) -> UInt8 { extensionIDs[Int(kind.rawValue)] }

    /// What we send again to a viewer has a stream of its own (RFC 4588 §4).
    package var hasRTX: Bool { rtxPayloadType != 0 && rtxSSRC != 0 }
}

/// One outgoing stream, as far as it must go on after a restart.
package struct EgressRecord: BitwiseCopyable, Sendable {
    package var ssrc: UInt32 = 0
    package var payloadType: UInt8 = 0
    /// The next index that was never given to a packet; the sequence number is its low 16 bits.
    package var nextIndex: UInt64 = 0
    /// Added to the source's timestamp.
    package var timestampOffset: UInt32 = 0
    package var lastTimestamp: UInt32 = 0
    package var packets: UInt64 = 0
    /// Payload octets (RFC 3550 §6.4.1).
    package var octets: UInt64 = 0
    /// The next index of the retransmission stream.
    package var nextRTXIndex: UInt64 = 0
    /// How many there were; the newest one's place in ``changes``, modulo its length.
    package var newestChange: UInt64 = 0
    package var changes = InlineArray<16, ChangePoint>(repeating: ChangePoint())

    package init() {}

    /// From `firstIndex` on, outgoing index = source index + `offset`, timestamps likewise.
    package struct ChangePoint: BitwiseCopyable, Sendable {
        package var firstIndex: UInt64 = 0
        package var offset: Int64 = 0
        package var timestampOffset: UInt32 = 0
        /// The stream, and in the first bit whether it began with a keyframe of the past.
        private var streamAndReplay: UInt32 = 0

        package init() {}

        /// Which of the track's streams the packets are of, but for its first bit.
        package var stream: UInt32 {
            get { streamAndReplay & 0x7FFF_FFFF }
            set { streamAndReplay = streamAndReplay & 0x8000_0000 | newValue & 0x7FFF_FFFF }
        }

        /// It began with a keyframe of the past, under timestamps of its own.
        package var isReplay: Bool {
            get { streamAndReplay >> 31 == 1 }
            set { streamAndReplay = streamAndReplay & 0x7FFF_FFFF | (newValue ? 0x8000_0000 : 0) }
        }
    }
}

extension EgressRecord {
    /// Notes how indices are made from now on, so that what a receiver asks for is found again.
    ///
    /// Changes that nothing was sent between are one.
    package mutating func note(_ change: ChangePoint) {
        while newestChange > 0, changes[place(newestChange)].firstIndex >= change.firstIndex {
            newestChange -= 1
        }
        newestChange += 1
        changes[place(newestChange)] = change
    }

    /// Nothing that was sent so far can be found again.
    package mutating func forgetChanges() {
        newestChange = 0
        changes[0] = ChangePoint()
    }

    /// What `index` was made by; `nil` when it was never used, or too many changes have come since.
    package func change(of index: UInt64) -> ChangePoint? {
        guard index < nextIndex, newestChange > 0 else { return nil }
        for age in 0..<min(newestChange, UInt64(changes.count)) {
            let change = changes[place(newestChange - age)]
            if change.firstIndex <= index { return change }
        }
        return nil
    }

    private func place(_ number: UInt64) -> Int { Int(truncatingIfNeeded: number % UInt64(changes.count)) }
}

/// Totals of a session, for events and statistics.
package struct SessionCounters: BitwiseCopyable, Sendable {
    package var packetsReceived: UInt64 = 0
    package var octetsReceived: UInt64 = 0
    package var packetsSent: UInt64 = 0
    package var octetsSent: UInt64 = 0
    package var packetsLost: UInt64 = 0
    package var keyframeRequests: UInt64 = 0
    package var srtpFailures: UInt64 = 0
    /// To a viewer, since sending did not keep up.
    package var packetsDropped: UInt64 = 0
    package var framesDropped: UInt64 = 0
    /// Messages: sent to a publisher, received from a viewer (RFC 4585 §6.2.1).
    package var nacks: UInt64 = 0
    /// Recovered from a publisher, resent to a viewer.
    package var packetsRetransmitted: UInt64 = 0
    /// A viewer's pictures that began with a keyframe of the past.
    package var joinsFromCache: UInt64 = 0
    /// Nanoseconds, 0 before the first report with an LSR.
    package var roundTripTime: Int64 = 0

    package init() {}
}
