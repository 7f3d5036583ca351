/// What became of the datagrams that led to nothing, and what the engine did; only ever grows.
package struct EngineCounters: Equatable, Sendable {
    package var datagramsReceived: UInt64 = 0
    /// First octets that belong to no protocol of ours (RFC 7983 §7).
    package var unknownProtocol: UInt64 = 0
    package var stunMalformed: UInt64 = 0
    /// Not a Binding request, or without USERNAME, MESSAGE-INTEGRITY or FINGERPRINT.
    package var stunIgnored: UInt64 = 0
    package var stunUnknownUfrag: UInt64 = 0
    package var stunBadIntegrity: UInt64 = 0
    package var stunAnswered: UInt64 = 0
    /// DTLS, RTP or RTCP from an address without an authenticated check.
    package var unknownTuple: UInt64 = 0
    package var dtlsReceived: UInt64 = 0
    /// The queue of the handshakes was full, or the session's share of it.
    package var dtlsOverflow: UInt64 = 0
    /// Handshake datagrams held back, since the peer had sent less than a third of them.
    package var amplificationHeld: UInt64 = 0
    package var handshakesDone: UInt64 = 0
    package var handshakesFailed: UInt64 = 0
    package var srtpBeforeKeys: UInt64 = 0
    package var srtpAuthenticationFailed: UInt64 = 0
    package var srtpReplayed: UInt64 = 0
    /// Packets with one SSRC more than a peer may use.
    package var sourcesRefused: UInt64 = 0
    package var rtpMalformed: UInt64 = 0
    package var rtpUnbound: UInt64 = 0
    /// A publisher's packet that is longer than we forward or too late, or RTP from a viewer.
    package var rtpDropped: UInt64 = 0
    package var rtpForwarded: UInt64 = 0
    /// Packets that another shard has received for viewers of this one.
    package var packetsRelayed: UInt64 = 0
    package var rtcpMalformed: UInt64 = 0
    package var rtcpReceived: UInt64 = 0
    /// Packets of a type that no RFC of ours knows; the rest of their datagram is heard (RFC 3550 §6.1).
    package var rtcpUnknown: UInt64 = 0
    package var keyframeRequestsSent: UInt64 = 0
    /// Of viewers (RFC 4585 §6.2.1).
    package var nacksReceived: UInt64 = 0
    package var packetsResent: UInt64 = 0
    /// Packets that were asked for again too soon, too often or too many at once.
    package var retransmissionsRefused: UInt64 = 0
    /// To publishers.
    package var nacksSent: UInt64 = 0
    /// A publisher's packets that came after they had been asked for.
    package var packetsRecovered: UInt64 = 0
    /// Packets of transport-wide feedback to publishers.
    package var transportFeedbackSent: UInt64 = 0
    /// Viewers that were begun with a keyframe of the past.
    package var joinsFromCache: UInt64 = 0
    /// And with one past which not all was kept, alone.
    package var stillsShown: UInt64 = 0
    package var keyframeRequestsReceived: UInt64 = 0
    package var sessionsOpened: UInt64 = 0
    package var sessionsEnded: UInt64 = 0
    /// Publishers that took a room from another.
    package var takeovers: UInt64 = 0
    /// Packets and pictures that were dropped for viewers, since sending did not keep up; pictures that the ring
    /// has overwritten are not counted.
    package var packetsDropped: UInt64 = 0
    package var framesDropped: UInt64 = 0
    // Sessions that were not opened, by reason.
    package var refusedInvalid: UInt64 = 0
    package var refusedDraining: UInt64 = 0
    package var refusedOccupied: UInt64 = 0
    package var refusedFull: UInt64 = 0
    package var refusedOverloaded: UInt64 = 0
    /// A datagram of ours that found the outgoing batch full.
    package var outputDropped: UInt64 = 0

    package init() {}

    /// A session was not opened.
    package mutating func noteRefusal(_ reason: CommandError) {
        switch reason {
        case .draining: refusedDraining &+= 1
        case .roomOccupied: refusedOccupied &+= 1
        case .full: refusedFull &+= 1
        case .overloaded: refusedOverloaded &+= 1
        case .invalid, .sessionExists, .noSuchSession: refusedInvalid &+= 1
        }
    }

    /// Name and value, as statistics carry them.
    package var named: [(String, UInt64)] {
        [
            ("datagrams_received", datagramsReceived), ("unknown_protocol", unknownProtocol),
            ("stun_malformed", stunMalformed), ("stun_ignored", stunIgnored),
            ("stun_unknown_ufrag", stunUnknownUfrag), ("stun_bad_integrity", stunBadIntegrity),
            ("stun_answered", stunAnswered), ("unknown_tuple", unknownTuple),
            ("dtls_received", dtlsReceived), ("dtls_overflow", dtlsOverflow),
            ("amplification_held", amplificationHeld), ("handshakes_done", handshakesDone),
            ("handshakes_failed", handshakesFailed),
            ("srtp_before_keys", srtpBeforeKeys),
            ("srtp_authentication_failed", srtpAuthenticationFailed), ("srtp_replayed", srtpReplayed),
            ("sources_refused", sourcesRefused),
            ("rtp_malformed", rtpMalformed), ("rtp_unbound", rtpUnbound),
            ("rtp_dropped", rtpDropped), ("rtp_forwarded", rtpForwarded),
            ("packets_relayed", packetsRelayed),
            ("rtcp_malformed", rtcpMalformed), ("rtcp_received", rtcpReceived),
            ("rtcp_unknown", rtcpUnknown), ("keyframe_requests_sent", keyframeRequestsSent),
            ("transport_feedback_sent", transportFeedbackSent),
            ("joins_from_cache", joinsFromCache), ("stills_shown", stillsShown),
            ("nacks_received", nacksReceived), ("packets_resent", packetsResent),
            ("retransmissions_refused", retransmissionsRefused),
            ("nacks_sent", nacksSent), ("packets_recovered", packetsRecovered),
            ("keyframe_requests_received", keyframeRequestsReceived),
            ("sessions_opened", sessionsOpened), ("sessions_ended", sessionsEnded),
            ("takeovers", takeovers),
            ("packets_dropped", packetsDropped), ("frames_dropped", framesDropped),
            ("refused_invalid", refusedInvalid), ("refused_draining", refusedDraining),
            ("refused_occupied", refusedOccupied), ("refused_full", refusedFull),
            ("refused_overloaded", refusedOverloaded),
            ("output_dropped", outputDropped),
        ]
    }
}
