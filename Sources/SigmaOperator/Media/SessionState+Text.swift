import SigmaControl

extension SessionItem {
    /// One word for the state; a publisher whose media comes is `live`.
    var stateText: String { state == .connected && live ? "live" : state.text }
}

extension SessionState {
    var text: String {
        switch self {
        case .connecting: "connecting"
        case .securing: "securing"
        case .connected: "connected"
        case .disconnected: "disconnected"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}

extension Role {
    var text: String {
        switch self {
        case .publisher: "publisher"
        case .viewer: "viewer"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}

extension Kind {
    var text: String {
        switch self {
        case .audio: "audio"
        case .video: "video"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }

    /// Ticks a millisecond of the RTP clock of the codecs there are: Opus (RFC 7587 §4.1), H.264 (RFC 6184 §8.2.1).
    var ticksPerMillisecond: UInt32? {
        switch self {
        case .audio: 48
        case .video: 90
        case .unspecified, .UNRECOGNIZED: nil
        }
    }
}

extension Trouble {
    /// The code that the rooms API has for it.
    var code: String {
        switch self {
        case .bFrames: "b-frames"
        case .longKeyframeInterval: "long-keyframe-interval"
        case .bareKeyframes: "bare-keyframes"
        case .changingParameterSets: "changing-parameter-sets"
        case .beyondCache: "beyond-cache"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}
