import SigmaSDP
import Testing

@Suite("TrickleFragment: RFC 8840 §9")
struct TrickleFragmentTests {
    private func parse(_ text: String) throws(TrickleError) -> TrickleFragment {
        try TrickleFragment(parsing: Array(text.utf8))
    }

    private static let head = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"

    @Test func `reads what clients send with a candidate (RFC 9725 §4.3.2)`() throws {
        let fragment = try parse(
            Self.head + "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
                + "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\r\n"
                + "a=candidate:3471623853 1 udp 2122194687 x.local 61765 typ host\r\na=end-of-candidates\r\n")
        #expect(fragment.credentials == ICECredentials(ufrag: "EsAw", password: "P2uYro0UCOQ4zxjKXaWCBui1"))
        #expect(fragment.candidateCount == 2 && fragment.isEndOfCandidates)
        #expect(fragment.mids == ["0"])
    }

    @Test func `reads an end of candidates alone, and credentials alone`() throws {
        let end = try parse("m=audio 9 RTP/AVP 0\na=mid:0\na=end-of-candidates")
        #expect(end.credentials == nil && end.candidateCount == 0 && end.isEndOfCandidates)
        let restart = try parse(Self.head)
        #expect(restart.credentials?.ufrag == "EsAw" && !restart.isEndOfCandidates)
    }

    @Test(arguments: [
        ("", TrickleError.empty), ("m=audio 9 RTP/AVP 0\na=mid:0\n", .empty),
        ("a=ice-ufrag:EsAw\n", .credentials), ("a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n", .credentials),
        ("a=ice-ufrag:E\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n", .credentials),
        ("{}", .malformed(.malformedLine(1))), ("a=end-of-candidates\nhello", .malformed(.malformedLine(2))),
    ])
    func `names what is wrong`(text: String, error: TrickleError) {
        #expect(throws: error) { try parse(text) }
        #expect(error.detail.hasSuffix(".") && !error.problem.isEmpty)
    }

    @Test func `refuses 64 KiB`() {
        #expect(throws: TrickleError.tooLong(octets: 65_536)) {
            try parse(String(repeating: "a=x\n", count: 16_384))
        }
    }
}
