import FoundationEssentials
import SigmaControl
import SigmaStore

extension SigmaStore.MediaEvent {
    /// - Returns: `nil` for an event that leaves no row.
    init?(_ event: SigmaControl.Event, journal: String) {
        guard let fact = Fact(event), let session = SessionID(octets: event.sessionID) else { return nil }
        self.init(
            journal: journal, number: Int64(clamping: event.number),
            time: Int64(clamping: event.time / 1_000_000),
            idHash: session.hash, room: Int64(clamping: event.roomID),
            role: event.role == .publisher ? .publisher : .viewer, mediaLine: event.mediaLine, fact: fact)
    }
}

extension SigmaStore.MediaEvent.Fact {
    fileprivate init?(_ event: SigmaControl.Event) {
        switch event.body {
        case .connected: self = .connected
        case .disconnected: self = .disconnected
        case .reconnected: self = .reconnected
        case .ended(let ended):
            self = .ended(
                reason: ended.reason.text,
                .init(octetsSent: ended.octetsSent, octetsReceived: ended.octetsReceived),
                closedBy: ended.hasClosedBy ? ended.closedBy : nil)
        case .publisherLive: self = .publisherLive
        case .publisherGone: self = .publisherGone
        case .trackKnown(let track):
            self = .trackKnown(
                kind: track.kind == .audio ? "audio" : "video", codec: track.codec == .opus ? "opus" : "h264",
                width: track.width, height: track.height, profileLevelID: track.profileLevelID)
        case .keyframeInterval(let interval): self = .keyframeInterval(milliseconds: interval.milliseconds)
        case .trackTrouble(let trouble):
            self = .troubles(
                trouble.troubles.map { Advice.code(of: $0) }, keyframeInterval: trouble.keyframeInterval)
        case .layerSwitched(let switched): self = .layerSwitched(layer: switched.layer)
        case .anchored, .gap: return nil
        case nil: self = .other
        }
    }
}

extension SigmaControl.Event {
    fileprivate var mediaLine: UInt32? {
        switch body {
        case .trackKnown(let track): track.mediaLine
        case .keyframeInterval(let interval): interval.mediaLine
        case .trackTrouble(let trouble): trouble.mediaLine
        case .layerSwitched(let switched): switched.mediaLine
        default: nil
        }
    }
}

extension EndReason {
    /// As the audit has it.
    var text: String {
        switch self {
        case .unspecified: "unspecified"
        case .requested: "requested"
        case .neverConnected: "never_connected"
        case .consentExpired: "consent_expired"
        case .peerClosed: "peer_closed"
        case .fingerprintMismatch: "fingerprint_mismatch"
        case .handshakeFailed: "handshake_failed"
        case .publisherBye: "publisher_bye"
        case .replaced: "replaced"
        case .shutdown: "shutdown"
        case .kicked: "kicked"
        case .signalingLost: "signaling_lost"
        case .UNRECOGNIZED(let number): "reason_\(number)"
        }
    }
}
