/// What a session does, seen from the peer.
package enum SessionRole: Equatable, Sendable {
    /// Sends one stream to a room (WHIP, RFC 9725).
    case publisher
    /// Receives the stream of a room (WHEP).
    case viewer
}

/// The kinds of RTP media.
package enum MediaKind: String, Equatable, Sendable, Codable {
    case audio
    case video
}

/// The codecs that are forwarded.
package enum Codec: Equatable, Sendable {
    /// RFC 7587.
    case opus
    /// RFC 6184.
    case h264

    /// The encoding name as we write it; read without regard to case (RFC 8866 §6.6).
    package var encodingName: String {
        switch self {
        case .opus: "opus"
        case .h264: "H264"
        }
    }

    /// RTP clock, Hz.
    package var clockRate: UInt32 {
        switch self {
        case .opus: 48_000
        case .h264: 90_000
        }
    }

    package var kind: MediaKind {
        switch self {
        case .opus: .audio
        case .h264: .video
        }
    }
}

/// The part that we play in the DTLS handshake (RFC 5763 §5).
package enum DTLSRole: Equatable, Sendable {
    /// We answer `a=setup:passive`.
    case server
    /// We answer `a=setup:active`, because the offer was passive.
    case client
}

/// The direction of media in a section, seen from who wrote it (RFC 8866 §6.7).
package enum Direction: String, Equatable, Sendable {
    case sendrecv
    case sendonly
    case recvonly
    case inactive

    /// The same direction in the words of the other side (RFC 3264 §6.1).
    package var reversed: Direction {
        switch self {
        case .sendrecv: .sendrecv
        case .sendonly: .recvonly
        case .recvonly: .sendonly
        case .inactive: .inactive
        }
    }

    package var sends: Bool { self == .sendrecv || self == .sendonly }
    package var receives: Bool { self == .sendrecv || self == .recvonly }
}
