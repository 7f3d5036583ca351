package enum SRTPError: Error, Equatable, Sendable {
    /// The tag is wrong: forged, damaged, or of another key or index.
    case authentication
    /// Not an RTP or RTCP packet, or no room for the tag.
    case malformed
    /// A cipher context could not be made.
    case openSSL(OpenSSLError)
}
