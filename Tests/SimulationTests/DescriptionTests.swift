import SigmaPeer
import SigmaWire
import Testing

@Suite("Offers and answers of the client role: RFC 8839, RFC 3264")
struct DescriptionTests {
    private static let fingerprint = (0..<32).map { format($0) }.joined(separator: ":")

    private static func format(_ octet: Int) -> String {
        let hex = String(octet, radix: 16, uppercase: true)
        return hex.count == 1 ? "0" + hex : hex
    }

    private let answer = """
        v=0\r
        o=- 1 1 IN IP4 127.0.0.1\r
        s=-\r
        t=0 0\r
        a=group:BUNDLE 0 1\r
        a=ice-lite\r
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r
        c=IN IP4 0.0.0.0\r
        a=ice-ufrag:aaaabcdefghi\r
        a=ice-pwd:abcdefghijklmnopqrstuvwxyz234567\r
        a=fingerprint:sha-256 \(fingerprint)\r
        a=setup:passive\r
        a=mid:0\r
        a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r
        a=sendonly\r
        a=rtpmap:111 opus/48000/2\r
        a=ssrc:305419896 cname:sigma\r
        a=ssrc:305419896 msid:a b\r
        a=candidate:1 1 udp 2130706431 192.0.2.7 5004 typ host\r
        a=candidate:2 1 UDP 2130706175 2001:db8::7 5004 typ host\r
        a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r
        a=candidate:4 2 udp 2130706430 192.0.2.7 5005 typ host\r
        a=candidate:5 1 udp 2130706430 9a0b.local 5005 typ host\r
        a=end-of-candidates\r
        m=video 0 UDP/TLS/RTP/SAVPF 102\r
        a=mid:1\r
        a=inactive\r

        """

    @Test func `an answer is read: credentials, UDP candidates, SSRCs, a rejected m-section`() throws {
        let read = try Answer(parsing: answer)
        #expect(read.ufrag == "aaaabcdefghi")
        #expect(read.password == "abcdefghijklmnopqrstuvwxyz234567")
        #expect(read.fingerprint == Array(0..<32))
        #expect(!read.serverIsActive)
        #expect(
            read.candidates == [
                Address(v4: 0xC000_0207, port: 5004),
                Address(high: 0x2001_0DB8_0000_0000, low: 7, port: 5004),
            ])
        #expect(
            read.media == [
                Answer.Media(
                    kind: .audio, mid: "0", payloadType: 111, ssrc: 305_419_896, midExtensionID: 4),
                Answer.Media(kind: .video, mid: "1", isAccepted: false, payloadType: 102),
            ])
    }

    @Test(arguments: ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup", "a=candidate", "m=audio"])
    func `an answer that lacks what is needed says what`(prefix: String) {
        let lines = answer.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix(prefix) }
        #expect(throws: PeerError.self) { try Answer(parsing: lines.joined(separator: "\n")) }
    }

    @Test func `session-level attributes and an active server are read (RFC 5763 §5)`() throws {
        let text = """
            v=0
            a=ice-ufrag:u
            a=ice-pwd:p
            a=fingerprint:SHA-256 \(Self.fingerprint)
            a=setup:active
            m=video 9 UDP/TLS/RTP/SAVPF 96
            a=candidate:1 1 udp 1 127.0.0.1 7 typ host
            """
        let read = try Answer(parsing: text)
        #expect(read.serverIsActive)
        #expect(read.candidates == [Address(v4: 0x7F00_0001, port: 7)])
    }

    @Test(
        arguments: [
            ("0.0.0.0", UInt64(0), UInt64(0xFFFF_0000_0000)), ("255.255.255.255", 0, 0xFFFF_FFFF_FFFF),
            ("::", 0, 0), ("::1", 0, 1), ("1::", 0x0001_0000_0000_0000, 0),
            ("2001:db8::1:2", 0x2001_0DB8_0000_0000, 0x0001_0002),
            ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008),
            ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
            ("fe80::ABCD", 0xFE80_0000_0000_0000, 0xABCD),
        ] as [(String, UInt64, UInt64)])
    func `addresses are read from their text (RFC 4291 §2.2)`(text: String, high: UInt64, low: UInt64) {
        #expect(Address(literal: text, port: 9) == Address(high: high, low: low, port: 9))
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.-4", "a.b.c.d", ":", "1:2", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7:8::", "host.local",
    ])
    func `what is no address is refused`(text: String) {
        #expect(Address(literal: text, port: 9) == nil)
    }

    @Test(arguments: [RepairSettings.Offered.nothing, .nack, .rtx])
    func `an offer says which repair of losses it wants (RFC 4585 §4.2, RFC 4588 §8.6)`(
        offered: RepairSettings.Offered
    ) throws {
        var configuration = PeerConfiguration(
            role: .publisher, localAddress: Address(v4: 1, port: 2), seed: 5)
        configuration.repair = RepairSettings(offered)
        let lines = try Peer(configuration).offer.text.split(whereSeparator: \.isNewline).map(String.init)
        #expect(lines.contains("a=rtcp-fb:102 nack") == (offered != .nothing))
        #expect(lines.contains("a=rtpmap:103 rtx/90000") == (offered == .rtx))
        #expect(lines.contains("a=fmtp:103 apt=102") == (offered == .rtx))
        #expect(lines.contains { $0.hasPrefix("a=ssrc-group:FID ") } == (offered == .rtx))
        configuration.repair.announcesRTX = false
        #expect(try !Peer(configuration).offer.text.contains("ssrc-group"))
    }

    @Test func `the repair that was agreed on is read from an answer (RFC 4588 §8.6, RFC 5576 §4.2)`() throws
    {
        let text = answer.replacing(
            "m=video 0 UDP/TLS/RTP/SAVPF 102\r\na=mid:1\r\n",
            with: """
                m=video 9 UDP/TLS/RTP/SAVPF 102 103\r
                a=mid:1\r
                a=rtcp-fb:102 nack\r
                a=rtcp-fb:102 nack pli\r
                a=rtpmap:103 rtx/90000\r
                a=fmtp:103 apt=102\r
                a=ssrc-group:FID 5 6\r
                a=ssrc:5 cname:sigma\r
                a=ssrc:6 cname:sigma\r

                """)
        let media = try Answer(parsing: text).media
        #expect(media.map(\.hasNACK) == [false, true])
        #expect(media.map(\.rtxPayloadType) == [nil, 103])
        #expect(media[1].ssrc == 5 && media[1].rtxSSRC == 6)
    }

    @Test(arguments: [PeerRole.publisher, .viewer], [OfferedSetup.actpass, .active, .passive])
    func `an offer says what a server needs (RFC 9725 §4.2)`(role: PeerRole, setup: OfferedSetup) throws {
        var configuration = PeerConfiguration(role: role, localAddress: Address(v4: 1, port: 2), seed: 5)
        configuration.setup = setup
        let offer = try Peer(configuration).offer
        let lines = offer.text.split(whereSeparator: \.isNewline).map(String.init)
        #expect(lines.filter { $0.hasPrefix("m=") }.count == 2)
        #expect(lines.filter { $0 == "a=setup:\(setup)" }.count == 2)
        #expect(lines.filter { $0 == (role == .publisher ? "a=sendonly" : "a=recvonly") }.count == 2)
        #expect(lines.filter { $0.hasPrefix("a=ssrc:") }.count == (role == .publisher ? 3 : 0))
        #expect(lines.contains("a=ice-ufrag:\(offer.ufrag)"))
        #expect(lines.contains("a=rtcp-fb:102 ccm fir"))
        #expect(lines.contains("a=rtcp-fb:102 nack pli"))
        #expect(lines.contains { $0.hasPrefix("a=fingerprint:sha-256 ") && $0.count == 22 + 95 })
        #expect(offer.text.hasSuffix("\r\n"))
    }
}
