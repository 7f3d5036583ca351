/// Why an offer is not answered.
package enum NegotiationError: Error, Equatable, Sendable {
    // The offer contradicts itself or a specification.
    /// No m-section that is not disabled.
    case noMedia
    /// A live m-section without `a=mid` (RFC 9429 §5.2.1). Section counted from 0.
    case missingMid(section: Int)
    /// Two m-sections with one mid.
    case duplicateMid(String)
    /// A line that is there but does not parse: ufrag, password, fingerprint, setup, mid. Counted from 1.
    case malformedAttribute(line: Int)
    /// No ice-ufrag or no ice-pwd (RFC 8839 §5.4).
    case missingICECredentials
    /// No fingerprint: neither plain RTP nor SDES keys are answered (RFC 8827 §6.5).
    case missingFingerprint

    // The offer is sound, but we do not do it.
    /// A mid with more than ``Negotiation/maximumMidLength`` octets.
    case midTooLong(String)
    /// Only fingerprints of hashes that are broken or unknown, such as sha-1.
    case weakFingerprint
    /// `a=ice-lite` in the offer: nobody would send checks.
    case icePeerIsLite
    /// `a=setup:holdconn` or another value we have no answer to.
    case setup(String)
    /// The m-section is not in the first BUNDLE group (RFC 9725 §4.4.1).
    case notBundled(mid: String)
    /// No accepted m-section has `a=rtcp-mux` (RFC 5761 §5.1.1).
    case noRTCPMux
    /// The transport of the m-section, for instance TCP.
    case transportProtocol(String)
    /// A publisher that does not send, or a viewer that does not receive.
    case direction(Direction, mid: String, role: SessionRole)
    /// More tracks of a kind than one from a publisher (RFC 9725 §4.4.2).
    case tooManyTracks(MediaKind)
    /// More than one MediaStream from a publisher (RFC 9725 §4.4.2).
    case tooManyStreams
    /// A publisher's m-section that is neither audio nor video.
    case unsupportedMedia(String)
    /// No payload type for the one codec of the kind.
    case noCommonCodec(MediaKind)
    /// The codec is offered with payload types that collide with RTCP only (RFC 5761 §4).
    case reservedPayloadType(UInt8)
    /// No offered H.264 that can show what is published.
    case noCommonProfile(published: H264Profile, packetizationMode: Int)
    /// More layers than ``Negotiation/maximumRids``, or a rid longer than ``Negotiation/maximumMidLength``.
    case tooManyLayers
    /// The viewer asks for nothing that the room has.
    case noMatchingMedia

    /// Whether the offer breaks a specification (HTTP 400), not merely asks for what we do not do (406, 422).
    package var isMalformed: Bool {
        switch self {
        case .noMedia, .missingMid, .duplicateMid, .malformedAttribute, .missingICECredentials,
            .missingFingerprint:
            true
        case .midTooLong, .weakFingerprint, .icePeerIsLite, .setup, .notBundled, .noRTCPMux,
            .transportProtocol, .direction, .tooManyTracks, .tooManyStreams, .unsupportedMedia,
            .noCommonCodec, .reservedPayloadType, .noCommonProfile, .tooManyLayers, .noMatchingMedia:
            false
        }
    }

    /// The stable name of this kind of error, for the `type` of a problem document.
    package var problem: String {
        switch self {
        case .noMedia, .missingMid, .duplicateMid, .malformedAttribute: "sdp-malformed"
        case .missingICECredentials: "ice-credentials-missing"
        case .missingFingerprint: "fingerprint-missing"
        case .midTooLong: "mid-too-long"
        case .weakFingerprint: "fingerprint-weak"
        case .icePeerIsLite: "ice-lite-peer"
        case .setup: "dtls-setup-unsupported"
        case .notBundled: "bundle-required"
        case .noRTCPMux: "rtcp-mux-required"
        case .transportProtocol: "transport-unsupported"
        case .direction: "direction-wrong"
        case .tooManyTracks, .tooManyStreams: "too-many-tracks"
        case .unsupportedMedia: "media-unsupported"
        case .noCommonCodec, .reservedPayloadType: "no-common-codec"
        case .noCommonProfile: "no-common-profile"
        case .tooManyLayers: "too-many-layers"
        case .noMatchingMedia: "no-matching-media"
        }
    }
}
