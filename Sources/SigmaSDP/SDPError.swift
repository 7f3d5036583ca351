/// Why octets are not a session description that we read; every case is the client's error (HTTP 400).
package enum SDPError: Error, Equatable, Sendable {
    /// More octets than ``SessionDescription/maximumLength``.
    case tooLong(octets: Int)
    /// More lines than ``SessionDescription/maximumLines``.
    case tooManyLines
    /// More m-sections than ``SessionDescription/maximumMedia``.
    case tooManyMedia
    /// The first line is not `v=0` (RFC 8866 §5.1).
    case noVersion
    /// There is no `o=` line before the first m-section (RFC 8866 §5.2).
    case noOrigin
    /// The line is not of the form `letter=value`, or holds NUL or a bare CR (RFC 8866 §9). Counted from 1.
    case malformedLine(Int)
    /// The line is an `m=` that does not parse (RFC 8866 §5.14). Counted from 1.
    case malformedMedia(line: Int)

    /// The stable name of this kind of error, for the `type` of a problem document.
    package var problem: String {
        switch self {
        case .tooLong: "sdp-too-long"
        case .tooManyLines, .tooManyMedia: "sdp-too-large"
        case .noVersion, .noOrigin, .malformedLine, .malformedMedia: "sdp-malformed"
        }
    }

    /// One sentence for the person who sent it.
    package var detail: String {
        switch self {
        case .tooLong(let octets):
            "The SDP has \(octets) octets; at most \(SessionDescription.maximumLength) are read."
        case .tooManyLines:
            "The SDP has more than \(SessionDescription.maximumLines) lines."
        case .tooManyMedia:
            "The SDP has more than \(SessionDescription.maximumMedia) m-sections."
        case .noVersion:
            "The SDP does not begin with the line v=0."
        case .noOrigin:
            "The SDP has no o= line before its first m-section."
        case .malformedLine(let line):
            "Line \(line) of the SDP is not of the form letter=value."
        case .malformedMedia(let line):
            "Line \(line) of the SDP is not a valid m= line."
        }
    }
}
