extension NegotiationError {
    /// One sentence for the person who made the offer.
    package var detail: String {
        switch self {
        case .noMedia:
            "The offer has no live m-section."
        case .missingMid(let section):
            "m-section \(section) of the offer has no a=mid."
        case .duplicateMid(let mid):
            "Two m-sections of the offer have the mid \(mid)."
        case .malformedAttribute(let line):
            "The attribute on line \(line) of the offer does not parse."
        case .missingICECredentials:
            "The offer has no a=ice-ufrag or no a=ice-pwd."
        case .missingFingerprint:
            "The offer has no a=fingerprint: only DTLS-SRTP is spoken, neither SDES nor plain RTP."
        case .weakFingerprint:
            "The offer has no fingerprint of sha-256, sha-384 or sha-512."
        case .midTooLong(let mid):
            "The mid \(mid) is longer than \(Negotiation.maximumMidLength) octets."
        case .icePeerIsLite:
            "The offer says a=ice-lite as the server does: nobody would send connectivity checks."
        case .setup(let value):
            "The offer says a=setup:\(value); it must be actpass, active or passive."
        case .notBundled(let mid):
            "The m-section with the mid \(mid) is not in a=group:BUNDLE; everything runs over one transport."
        case .noRTCPMux:
            "The offer has no a=rtcp-mux; RTP and RTCP share one port."
        case .transportProtocol(let name):
            "The transport \(name) is not spoken; it must be UDP/TLS/RTP/SAVPF."
        case .direction, .tooManyTracks, .tooManyStreams, .unsupportedMedia, .noCommonCodec,
            .reservedPayloadType, .noCommonProfile, .tooManyLayers, .noMatchingMedia:
            mediaDetail
        }
    }

    /// The sentences about what is in the m-sections.
    private var mediaDetail: String {
        switch self {
        case .direction(let direction, let mid, let role):
            "The m-section with the mid \(mid) is \(direction.rawValue); "
                + (role == .publisher
                    ? "a publisher offers sendonly or sendrecv." : "a viewer offers recvonly or sendrecv.")
        case .tooManyTracks(let kind):
            "The offer has more than one \(kind.rawValue) track."
        case .tooManyStreams:
            "The offer has more than one MediaStream."
        case .unsupportedMedia(let media):
            "The offer has an m-section of \(media); a publisher sends audio and video only."
        case .noCommonCodec(.audio):
            "The offer has no Opus (opus/48000/2) for its audio."
        case .noCommonCodec(.video):
            "The offer has no H.264 of packetization-mode 0 or 1 for its video."
        case .reservedPayloadType(let payloadType):
            "Payload type \(payloadType) collides with RTCP (RFC 5761 section 4); use 96 to 127 or 35 to 63."
        case .noCommonProfile(let published, let mode):
            "The room has H.264 with profile-level-id \(published.text) and packetization-mode \(mode); "
                + "nothing in the offer can show it."
        case .tooManyLayers:
            "The offer has more than \(Negotiation.maximumRids) simulcast layers, "
                + "or a rid longer than \(Negotiation.maximumMidLength) octets."
        case .noMatchingMedia:
            "The offer asks for nothing that the room has."
        case .noMedia, .missingMid, .duplicateMid, .malformedAttribute, .missingICECredentials,
            .missingFingerprint, .weakFingerprint, .midTooLong, .icePeerIsLite, .setup, .notBundled,
            .noRTCPMux, .transportProtocol:
            problem
        }
    }
}
