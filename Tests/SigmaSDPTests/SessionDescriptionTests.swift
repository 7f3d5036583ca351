import Foundation
import SigmaSDP
import Testing

@Suite("SessionDescription: RFC 8866 §5")
struct SessionDescriptionTests {
    private func parse(_ text: String) throws(SDPError) -> SessionDescription {
        try SessionDescription(parsing: Array(text.utf8))
    }

    @Test(arguments: OfferFile.allCases)
    func `reads every real offer, whatever its line ends (RFC 8866 §5)`(file: OfferFile) throws {
        let text = try file.text
        let description = try parse(text)
        #expect(description.media.map(\.media) == ["audio", "video"])
        #expect(try parse(text.replacingOccurrences(of: "\r\n", with: "\n")) == description)
        #expect(try parse(String(text.dropLast())) == description)
        #expect(try parse(text + "\r\n\r\n") == description)
    }

    @Test func `keeps the parts of an m-line and of its attributes (RFC 8866 §5.14)`() throws {
        let description = try parse(
            "v=0\r\no=- 1 1 IN IP6 ::1\r\ns= \r\nb=AS:1\r\na=x:y\r\n"
                + "m=video 9/2  UDP/TLS/RTP/SAVPF 96 97\r\ni=?\r\na=mid:1 \r\na=flag\r\na=u:a:b\r\n")
        #expect(description.attributes.map(\.name) == ["x"])
        let media = try #require(description.media.first)
        #expect(media.port == 9)
        #expect(media.transportProtocol == "UDP/TLS/RTP/SAVPF")
        #expect(media.formats == ["96", "97"])
        #expect(media.line == 6)
        #expect(media.attributes.map(\.name) == ["mid", "flag", "u"])
        #expect(media.attributes.map(\.value) == ["1", "", "a:b"])
        #expect(media.attributes.map(\.line) == [8, 9, 10])
    }

    @Test(arguments: [
        ("", SDPError.noVersion),
        ("v=1\no=- 1 1 IN IP4 0\n", .noVersion),
        ("o=- 1 1 IN IP4 0\nv=0\n", .noVersion),
        ("v=0\n", .noOrigin),
        ("v=0\nm=audio 9 RTP/AVP 0\no=- 1 1 IN IP4 0\n", .noOrigin),
        ("{\"sdp\":1}", .malformedLine(1)),
        ("v=0\no=-\nhello\n", .malformedLine(3)),
        ("v=0\no=-\nX=1\n", .malformedLine(3)),
        ("v=0\no=-\n\na=\u{0}\n", .malformedLine(4)),
        ("v=0\no=-\na=b\rm=audio\n", .malformedLine(3)),
        ("v=0\no=-\nm=audio\n", .malformedMedia(line: 3)),
        ("v=0\no=-\nm=audio 65536 RTP/AVP 0\n", .malformedMedia(line: 3)),
        ("v=0\no=-\nm=audio -1 RTP/AVP 0\n", .malformedMedia(line: 3)),
        ("v=0\no=-\nm=audio 9 RTP/AVP\n", .malformedMedia(line: 3)),
        ("v=0\no=-\nm=aüdio 9 RTP/AVP 0\n", .malformedMedia(line: 3)),
    ])
    func `names what is wrong and the line (RFC 8866 §9)`(text: String, error: SDPError) {
        #expect(throws: error) { try parse(text) }
        #expect(!error.detail.isEmpty && error.problem.hasPrefix("sdp-"))
    }

    @Test func `reads 65535 octets and refuses one more`() throws {
        let head = "v=0\no=- 1 1 IN IP4 0\na="
        let filler = String(repeating: "x", count: SessionDescription.maximumLength - head.utf8.count)
        #expect(throws: Never.self) { try parse(head + filler) }
        #expect(throws: SDPError.tooLong(octets: 65_536)) { try parse(head + filler + "x") }
    }

    @Test func `reads an offer of 32 KiB whole`() throws {
        let text = try OfferFile.chromiumViewer.text
        let attribute = "a=x-unknown:\(String(repeating: "y", count: 80))\r\n"
        let long =
            text + String(repeating: attribute, count: (32 * 1024 - text.utf8.count) / attribute.utf8.count)
        #expect(try view(long).answerText() == view(text).answerText())
    }

    @Test func `bounds lines, m-sections and candidates`() throws {
        let head = "v=0\no=- 1 1 IN IP4 0\n"
        #expect(throws: Never.self) { try parse(head + String(repeating: "a=x\n", count: 2046)) }
        #expect(throws: SDPError.tooManyLines) { try parse(head + String(repeating: "a=x\n", count: 2047)) }
        let media = "m=audio 9 UDP/TLS/RTP/SAVPF 0\n"
        #expect(try parse(head + String(repeating: media, count: 8)).media.count == 8)
        #expect(throws: SDPError.tooManyMedia) { try parse(head + String(repeating: media, count: 9)) }
        let candidates = String(repeating: "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n", count: 50)
        #expect(try parse(head + candidates).attributes.count == 32)
    }
}
