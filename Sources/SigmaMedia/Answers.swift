internal import FoundationEssentials
internal import SigmaControl
internal import SigmaCore
internal import SigmaCrypto
internal import SigmaEngine
internal import SigmaWire

// Engine in, control protocol out.

extension Failure {
    init(_ error: CommandError) {
        self.init()
        switch error {
        case .invalid(let field):
            code = .invalid
            detail = field.rawValue
        case .sessionExists: code = .exists
        case .noSuchSession: code = .notFound
        case .full: code = .full
        case .draining: code = .draining
        case .roomOccupied: code = .roomOccupied
        case .overloaded: code = .overloaded
        }
    }

    init(_ code: FailureCode, _ detail: String) {
        self.init()
        self.code = code
        self.detail = detail
    }
}

extension UDPAddress {
    init(_ address: Address) {
        self.init()
        self.address = Data(address.octets)
        port = UInt32(address.port)
    }
}

extension SigmaControl.Fingerprint {
    init(_ fingerprint: CertificateFingerprint) {
        self.init()
        hashFunction = HashFunction(rawValue: Int(fingerprint.hash.rawValue)) ?? .unspecified
        digest = Data(fingerprint.digest)
    }
}

extension SigmaControl.Role {
    init(_ role: SigmaCore.Role) {
        switch role {
        case .publisher: self = .publisher
        case .viewer: self = .viewer
        }
    }
}

extension SigmaControl.SessionState {
    init(_ state: SigmaCore.SessionState) {
        switch state {
        case .connecting: self = .connecting
        case .securing: self = .securing
        case .connected: self = .connected
        case .disconnected: self = .disconnected
        }
    }
}

extension SessionItem {
    init(_ summary: SessionSummary) {
        self.init()
        sessionID = Data(summary.sessionID.octets)
        roomID = summary.roomID.rawValue
        role = SigmaControl.Role(summary.role)
        state = SigmaControl.SessionState(summary.state)
        live = summary.isLive
        openedAt = summary.openedAt
        troubles = summary.troubles.map { TrackTrouble($0) }
        if summary.role == .publisher { hasRoom_p = summary.hasRoom }
        tracks = summary.tracks.map { TrackKnown($0) }
    }
}

extension SessionStatistics {
    init(_ report: SessionReport) {
        self.init()
        sessionID = Data(report.summary.sessionID.octets)
        roomID = report.summary.roomID.rawValue
        role = SigmaControl.Role(report.summary.role)
        state = SigmaControl.SessionState(report.summary.state)
        packetsReceived = report.counters.packetsReceived
        octetsReceived = report.counters.octetsReceived
        packetsSent = report.counters.packetsSent
        octetsSent = report.counters.octetsSent
        packetsLost = report.counters.packetsLost
        keyframeRequests = report.counters.keyframeRequests
        srtpFailures = report.counters.srtpFailures
        packetsDropped = report.counters.packetsDropped
        framesDropped = report.counters.framesDropped
        nacks = report.counters.nacks
        packetsRetransmitted = report.counters.packetsRetransmitted
        joinsFromCache = report.counters.joinsFromCache
        roundTripTimeUs = UInt32(clamping: report.counters.roundTripTime / 1000)
        tracks = report.tracks.map { TrackStatistics($0) }
    }
}

extension TrackStatistics {
    init(_ report: TrackReport) {
        self.init()
        mid = String(decoding: report.mid, as: UTF8.self)
        kind = Kind(rawValue: Int(report.kind.rawValue)) ?? .unspecified
        ssrc = report.ssrc
        packets = report.packets
        octets = report.octets
        packetsLost = UInt64(max(0, report.packetsLost))
        jitter = report.jitter
        fractionLost = UInt32(report.fractionLost)
        keyframes = report.keyframes
        keyframeInterval = report.keyframeInterval
        longestKeyframeInterval = report.longestKeyframeInterval
        troubles = report.troubles.named
        width = report.width
        height = report.height
    }
}

extension SigmaControl.Event {
    /// `nil` when the record is not one of ours.
    init?(_ record: EventRecord) {
        self.init()
        number = record.number
        time = record.time
        sessionID = Data(record.sessionID.octets)
        roomID = record.roomID.rawValue
        role = SigmaControl.Role(record.role)
        guard let event = record.event else { return nil }
        switch event {
        case .connected: connected = Connected()
        case .disconnected: disconnected = Disconnected()
        case .reconnected: reconnected = Reconnected()
        case .publisherLive: publisherLive = PublisherLive()
        case .publisherGone: publisherGone = PublisherGone()
        case .ended(let reason, let totals, let closer): ended = Ended(reason, totals, closer)
        case .trackKnown(let facts): trackKnown = TrackKnown(facts)
        case .keyframeInterval(let line, let milliseconds):
            keyframeInterval.mediaLine = UInt32(line)
            keyframeInterval.milliseconds = milliseconds
        case .trackTrouble(let trouble): trackTrouble = TrackTrouble(trouble)
        case .anchored(let sequence, let hash):
            anchored.sequence = sequence
            anchored.hash = Data(hash)
            sessionID = Data()
        }
    }

    /// Numbers that were overwritten before this client read them.
    init(gapFrom first: UInt64, to last: UInt64) {
        self.init()
        number = last
        gap.first = first
        gap.last = last
    }
}

extension Anchor {
    init(_ head: AuditHead) {
        self.init()
        sequence = head.sequence
        hash = Data(head.hash)
    }
}

extension Ended {
    init(_ reason: SigmaCore.EndReason, _ totals: SessionTotals, _ closer: UInt32?) {
        self.init()
        self.reason = SigmaControl.EndReason(rawValue: Int(reason.rawValue)) ?? .unspecified
        packetsSent = totals.packetsSent
        octetsSent = totals.octetsSent
        packetsReceived = totals.packetsReceived
        octetsReceived = totals.octetsReceived
        if let closer { closedBy = closer }
    }
}

extension TrackKnown {
    init(_ facts: TrackFacts) {
        self.init()
        mediaLine = UInt32(facts.mediaLine)
        kind = Kind(rawValue: Int(facts.kind.rawValue)) ?? .unspecified
        codec = SigmaControl.Codec(rawValue: Int(facts.codec.rawValue)) ?? .unspecified
        ssrc = facts.ssrc
        width = facts.width
        height = facts.height
        profileLevelID = facts.profileLevelID
    }
}

extension TrackTrouble {
    init(_ trouble: TroubleFacts) {
        self.init()
        mediaLine = UInt32(trouble.mediaLine)
        troubles = trouble.troubles.named
        keyframeInterval = trouble.keyframeInterval
    }
}

extension Troubles {
    fileprivate var named: [Trouble] {
        let names: [(Troubles, Trouble)] = [
            (.bFrames, .bFrames), (.longKeyframeInterval, .longKeyframeInterval),
            (.bareKeyframes, .bareKeyframes), (.changingParameterSets, .changingParameterSets),
            (.beyondCache, .beyondCache),
        ]
        return names.filter { contains($0.0) }.map(\.1)
    }
}
