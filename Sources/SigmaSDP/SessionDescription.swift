/// A session description taken apart into lines and sections, nothing interpreted (RFC 8866 §5).
///
/// Lines end in LF or CRLF, the last one also without. Line types and attributes that we do not know are
/// kept or skipped, never refused (RFC 8866 §5).
package struct SessionDescription: Equatable, Sendable {
    /// An `a=` line.
    package struct Attribute: Equatable, Sendable {
        package let name: String
        /// Behind the colon, without spaces at its ends; empty for a property such as `a=rtcp-mux`.
        package let value: String
        /// Counted from 1.
        package let line: Int
    }

    /// An `m=` line with the attributes that follow it.
    package struct Media: Equatable, Sendable {
        /// The kind, such as `audio`, `video` or `application`.
        package let media: String
        package let port: UInt16
        /// Such as `UDP/TLS/RTP/SAVPF`.
        package let transportProtocol: String
        /// At least one.
        package let formats: [String]
        /// Of the `m=`, counted from 1.
        package let line: Int
        package internal(set) var attributes: [Attribute]
    }

    /// Of the session level.
    package private(set) var attributes: [Attribute]
    package private(set) var media: [Media]

    /// Octets that are read at most.
    package static let maximumLength = 65_535
    /// Chromium needs about 250 lines for each video section.
    package static let maximumLines = 2048
    /// Most m-sections, as many as a session of the media server keeps.
    package static let maximumMedia = 8
    /// Candidates kept; further ones are dropped without an error, since none is needed.
    package static let maximumCandidates = 32

    /// Reads a session description.
    ///
    /// - Throws: ``SDPError``.
    /// - Complexity: O(octets).
    package init(parsing bytes: [UInt8]) throws(SDPError) {
        guard bytes.count <= Self.maximumLength else { throw .tooLong(octets: bytes.count) }
        var parser = SessionDescriptionParser()
        var lines = LineReader(bytes)
        while let line = try lines.next() {
            try parser.take(line)
        }
        (attributes, media) = try parser.finish()
    }
}
