/// One event of the journal, as it is stored: 128 octets, no pointers.
package struct EventRecord: BitwiseCopyable, Sendable {
    /// 1, 2, 3 … within one journal; 0 in a free place.
    package var number: UInt64 = 0
    /// Unix time, ns.
    package var time: UInt64 = 0
    package var sessionID = SessionID(high: 0, low: 0)
    package var roomID = RoomID.none
    package var role = Role.viewer
    package var kind = Kind.connected
    package var reason = EndReason.requested
    package var mediaLine: UInt8 = 0
    /// What they mean depends on the kind; see ``Event``.
    package var values = InlineArray<4, UInt64>(repeating: 0)
    package var hash = InlineArray<32, UInt8>(repeating: 0)

    package enum Kind: UInt8, BitwiseCopyable, Sendable {
        case connected = 1
        case disconnected
        case reconnected
        case ended
        case publisherLive
        case publisherGone
        case trackKnown
        case keyframeInterval
        case anchored
        case trackTrouble
    }
}

/// What happened to a session, as the engine says it.
package enum Event: Equatable, Sendable {
    case connected
    case disconnected
    case reconnected
    /// - by: The user id of the control client that asked for it, if one did.
    case ended(EndReason, SessionTotals, by: UInt32? = nil)
    case publisherLive
    case publisherGone
    case trackKnown(TrackFacts)
    /// Milliseconds between the last two keyframes.
    case keyframeInterval(mediaLine: UInt8, milliseconds: UInt32)
    /// All troubles that a video track has from now on.
    case trackTrouble(TroubleFacts)
    case anchored(sequence: UInt64, hash: [UInt8])
}

package struct SessionTotals: Equatable, Sendable {
    package var packetsSent: UInt64
    package var octetsSent: UInt64
    package var packetsReceived: UInt64
    package var octetsReceived: UInt64

    package init(_ counters: SessionCounters) {
        packetsSent = counters.packetsSent
        octetsSent = counters.octetsSent
        packetsReceived = counters.packetsReceived
        octetsReceived = counters.octetsReceived
    }

    init(_ values: InlineArray<4, UInt64>) {
        packetsSent = values[0]
        octetsSent = values[1]
        packetsReceived = values[2]
        octetsReceived = values[3]
    }
}

package struct TrackFacts: Equatable, Sendable {
    package var mediaLine: UInt8
    package var kind: MediaKind
    package var codec: Codec
    package var ssrc: UInt32
    /// Pixels; 0 for audio.
    package var width: UInt32
    package var height: UInt32
    /// Of the parameter set (RFC 6184 §8.1); 0 for audio.
    package var profileLevelID: UInt32

    package init(
        mediaLine: UInt8, kind: MediaKind, codec: Codec, ssrc: UInt32, width: UInt32 = 0, height: UInt32 = 0,
        profileLevelID: UInt32 = 0
    ) {
        self.mediaLine = mediaLine
        self.kind = kind
        self.codec = codec
        self.ssrc = ssrc
        self.width = width
        self.height = height
        self.profileLevelID = profileLevelID
    }
}

extension EventRecord {
    /// Packs `event`; number and time are set by the journal.
    package init(_ event: Event, sessionID: SessionID, roomID: RoomID?, role: Role) {
        self.sessionID = sessionID
        self.roomID = roomID ?? .none
        self.role = role
        switch event {
        case .connected: kind = .connected
        case .disconnected: kind = .disconnected
        case .reconnected: kind = .reconnected
        case .publisherLive: kind = .publisherLive
        case .publisherGone: kind = .publisherGone
        case .ended(let reason, let totals, let closer):
            kind = .ended
            self.reason = reason
            values = [totals.packetsSent, totals.octetsSent, totals.packetsReceived, totals.octetsReceived]
            closedBy = closer
        case .trackKnown(let facts):
            kind = .trackKnown
            mediaLine = facts.mediaLine
            values[0] = UInt64(facts.kind.rawValue) << 8 | UInt64(facts.codec.rawValue)
            values[1] = UInt64(facts.ssrc)
            values[2] = UInt64(facts.width) << 32 | UInt64(facts.height)
            values[3] = UInt64(facts.profileLevelID)
        case .keyframeInterval(let line, let milliseconds):
            kind = .keyframeInterval
            mediaLine = line
            values[0] = UInt64(milliseconds)
        case .trackTrouble(let facts):
            kind = .trackTrouble
            mediaLine = facts.mediaLine
            values[0] = UInt64(facts.troubles.rawValue)
            values[1] = UInt64(facts.keyframeInterval)
        case .anchored(let sequence, let hash):
            kind = .anchored
            values[0] = sequence
            for (place, octet) in hash.prefix(32).enumerated() { self.hash[place] = octet }
        }
    }

    /// A user id in the octets that only an anchor has a hash in: one that says whether there is any, and four.
    private var closedBy: UInt32? {
        get { hash[0] == 0 ? nil : (1...4).reduce(0) { $0 << 8 | UInt32(hash[$1]) } }
        set {
            hash[0] = newValue == nil ? 0 : 1
            for place in 1...4 {
                hash[place] = UInt8(truncatingIfNeeded: (newValue ?? 0) >> (32 - 8 * place))
            }
        }
    }

    /// The event that was packed; `nil` when the octets are not one.
    package var event: Event? {
        switch kind {
        case .connected: return .connected
        case .disconnected: return .disconnected
        case .reconnected: return .reconnected
        case .publisherLive: return .publisherLive
        case .publisherGone: return .publisherGone
        case .ended: return .ended(reason, SessionTotals(values), by: closedBy)
        case .trackKnown:
            guard let media = MediaKind(rawValue: UInt8(truncatingIfNeeded: values[0] >> 8)),
                let codec = Codec(rawValue: UInt8(truncatingIfNeeded: values[0]))
            else { return nil }
            return .trackKnown(
                TrackFacts(
                    mediaLine: mediaLine, kind: media, codec: codec,
                    ssrc: UInt32(truncatingIfNeeded: values[1]),
                    width: UInt32(truncatingIfNeeded: values[2] >> 32),
                    height: UInt32(truncatingIfNeeded: values[2]),
                    profileLevelID: UInt32(truncatingIfNeeded: values[3])))
        case .keyframeInterval:
            return .keyframeInterval(
                mediaLine: mediaLine, milliseconds: UInt32(truncatingIfNeeded: values[0]))
        case .trackTrouble:
            return .trackTrouble(
                TroubleFacts(
                    mediaLine: mediaLine, troubles: Troubles(rawValue: UInt8(truncatingIfNeeded: values[0])),
                    keyframeInterval: UInt32(truncatingIfNeeded: values[1])))
        case .anchored:
            return .anchored(sequence: values[0], hash: (0..<32).map { hash[$0] })
        }
    }
}
