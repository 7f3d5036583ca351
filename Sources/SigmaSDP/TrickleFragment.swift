/// The body of a PATCH of type application/trickle-ice-sdpfrag (RFC 8840 §9, RFC 9725 §4.3).
///
/// Candidates are counted and not read: the server learns the peer's addresses from its checks.
package struct TrickleFragment: Equatable, Sendable {
    /// The peer's, where the fragment has them.
    ///
    /// Others than those of the offer ask for an ICE restart.
    package let credentials: ICECredentials?
    /// How many `a=candidate` lines there are.
    package let candidateCount: Int
    /// `a=end-of-candidates` at either level.
    package let isEndOfCandidates: Bool
    /// The mids of its m-sections, in order.
    package let mids: [String]

    /// Reads a fragment.
    ///
    /// - Throws: ``TrickleError``.
    package init(parsing bytes: [UInt8]) throws(TrickleError) {
        guard bytes.count <= SessionDescription.maximumLength else { throw .tooLong(octets: bytes.count) }
        var attributes: [SessionDescription.Attribute] = []
        do {
            var lines = LineReader(bytes)
            while let line = try lines.next() {
                if line.letter == UInt8(ascii: "a"), let attribute = SessionDescription.Attribute(line) {
                    attributes.append(attribute)
                }
            }
        } catch {
            throw .malformed(error)
        }
        credentials = try Self.credentials(attributes)
        candidateCount = attributes.all("candidate").count
        isEndOfCandidates = attributes.has("end-of-candidates")
        mids = attributes.all("mid").map(\.value)
        guard credentials != nil || candidateCount > 0 || isEndOfCandidates else { throw .empty }
    }

    private static func credentials(
        _ attributes: [SessionDescription.Attribute]
    ) throws(TrickleError) -> ICECredentials? {
        let ufrag = attributes.first("ice-ufrag")
        let password = attributes.first("ice-pwd")
        if ufrag == nil, password == nil { return nil }
        guard let ufrag, let password,
            let credentials = ICECredentials(ufrag: ufrag.value, password: password.value)
        else { throw .credentials }
        return credentials
    }
}

/// Why octets are not a fragment that we read; every case is the client's error (HTTP 400).
package enum TrickleError: Error, Equatable, Sendable {
    /// More octets than ``SessionDescription/maximumLength``.
    case tooLong(octets: Int)
    case malformed(SDPError)
    /// Only one of ice-ufrag and ice-pwd, or one that breaks the grammar (RFC 8839 §5.4).
    case credentials
    /// Neither credentials nor candidates nor their end.
    case empty

    /// The stable name of this kind of error, for the `type` of a problem document.
    package var problem: String {
        switch self {
        case .tooLong: "sdp-too-long"
        case .malformed(let error): error.problem
        case .credentials: "ice-credentials-missing"
        case .empty: "sdp-malformed"
        }
    }

    /// One sentence for the person who sent it.
    package var detail: String {
        switch self {
        case .tooLong(let octets):
            "The fragment has \(octets) octets; at most \(SessionDescription.maximumLength) are read."
        case .malformed(let error):
            error.detail
        case .credentials:
            "The fragment needs both a=ice-ufrag and a=ice-pwd, or neither."
        case .empty:
            "The fragment has neither candidates nor their end nor ICE credentials."
        }
    }
}
