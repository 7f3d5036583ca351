/// Our side of an answer: what negotiation does not decide.
package struct LocalDescription: Equatable, Sendable {
    /// For `o=`; the highest bit is dropped (RFC 9429 §5.2.1).
    package var sessionID: UInt64
    /// Ours, as media made them.
    package var credentials: ICECredentials
    /// Of our DTLS certificate.
    package var fingerprint: Fingerprint
    /// Host candidates, the preferred first.
    package var candidates: [Candidate]
    /// What media puts into the SDES of this session (RFC 7022); a token without spaces.
    package var cname: String
    /// The one MediaStream that a viewer gets; a token without spaces.
    ///
    /// Not used for a publisher.
    package var streamID: String

    package init(
        sessionID: UInt64, credentials: ICECredentials, fingerprint: Fingerprint, candidates: [Candidate],
        cname: String, streamID: String
    ) {
        self.sessionID = sessionID
        self.credentials = credentials
        self.fingerprint = fingerprint
        self.candidates = candidates
        self.cname = cname
        self.streamID = streamID
    }
}

/// A UDP host candidate of ours (RFC 8839 §5.1).
package struct Candidate: Equatable, Sendable {
    /// An IPv4 or IPv6 address as text, without brackets or zone.
    package let address: String
    package let port: UInt16

    package var isIPv6: Bool { address.utf8.contains(UInt8(ascii: ":")) }

    package init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}
