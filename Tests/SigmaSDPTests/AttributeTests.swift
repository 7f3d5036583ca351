import Foundation
import SigmaSDP
import Testing

@Suite("Attributes of an m-section: RFC 8866 §6, RFC 4585, RFC 8285")
struct AttributeTests {
    @Test func `reads codec names in any case (RFC 8866 §6.6)`() throws {
        let text = try minimalOffer().replacing(["opus/48000/2": "OPUS/48000/2", "H264/90000": "h264/90000"])
        #expect(try publish(text).answerText() == publish(minimalOffer()).answerText())
    }

    @Test func `reads fmtp before rtpmap, spaces and case in its parameters`() throws {
        let text = try minimalOffer().replacing([
            "a=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=42e01f;":
                "a=fmtp:96 Packetization-Mode=1; Profile-Level-ID=42E01F ; ;x; \na=rtpmap:96 H264/90000\na=x:"
        ])
        let video = try publish(text).medium(.video)
        #expect(video.packetizationMode == 1 && video.h264Profile?.text == "42e01f")
    }

    @Test func `understands the rtcp-fb wildcard, spare spaces, repeats and strangers (RFC 4585 §4.2)`()
        throws
    {
        let wildcard = try publish(minimalOffer(video: "a=rtcp-fb:* nack  pli \na=rtcp-fb:* nack"))
        #expect(try wildcard.medium(.video).feedback == [.nack, .nackPLI])
        let text = minimalOffer(
            video: """
                a=rtcp-fb:96 ccm fir
                a=rtcp-fb:96 CCM FIR
                a=rtcp-fb:96 ccm tmmbr
                a=rtcp-fb:97 nack pli
                a=rtcp-fb:96
                a=rtcp-fb:x nack pli
                """)
        let negotiation = try publish(text)
        #expect(try negotiation.medium(.video).feedback == [.ccmFIR])
        #expect(
            try negotiation.answerText().lines.filter { $0.hasPrefix("a=rtcp-fb") } == [
                "a=rtcp-fb:96 ccm fir"
            ])
    }

    @Test func `accepts extensions with ids 1 to 14 that are known (RFC 8285 §4.2)`() throws {
        let kinds: [(String, ExtensionKind)] = [
            ("0", .mid), ("15", .videoOrientation), ("256", .playoutDelay), ("x", .colorSpace),
            ("14", .absCaptureTime),
        ]
        let lines = kinds.map { "a=extmap:\($0.0) \($0.1.uri)" } + ["a=extmap:3 urn:unknown", "a=extmap:4"]
        let video = try publish(minimalOffer(video: lines.joined(separator: "\n"))).medium(.video)
        #expect(video.extensions == [try extensionOf(.absCaptureTime, id: 14)])
    }

    private func extensionOf(_ kind: ExtensionKind, id: UInt8) throws -> HeaderExtension {
        try #require(
            publish(minimalOffer(video: "a=extmap:\(id) \(kind.uri)")).medium(.video).extensions.first)
    }

    @Test(arguments: [
        ("", true, ""), ("/sendrecv", true, ""), ("/sendonly", true, "/recvonly"), ("/recvonly", false, ""),
        ("/inactive", false, ""), ("/other", false, ""),
    ])
    func `answers the direction of an extension (RFC 8285 §5)`(
        direction: String, isAccepted: Bool, answered: String
    ) throws {
        let uri = ExtensionKind.playoutDelay.uri
        let answer = try publish(minimalOffer(video: "a=extmap:6\(direction) \(uri)")).answerText()
        #expect(
            answer.lines.filter { $0.hasPrefix("a=extmap:") }
                == (isAccepted ? ["a=extmap:6\(answered) \(uri)"] : []))
    }

    @Test func `lets an id mean one thing in the bundle (RFC 9143 §8.1)`() throws {
        let text = minimalOffer(
            audio: "a=extmap:1 \(ExtensionKind.mid.uri)\na=extmap:1 \(ExtensionKind.audioLevel.uri)",
            video: "a=extmap:1 \(ExtensionKind.videoOrientation.uri)\na=extmap:2 \(ExtensionKind.mid.uri)")
        let negotiation = try publish(text)
        #expect(try negotiation.medium(.audio).extensions.map(\.kind) == [.mid])
        #expect(try negotiation.medium(.video).extensions.map(\.kind) == [.mid])
    }

    @Test func `echoes extmap-allow-mixed and rtcp-rsize where they were offered (RFC 8285 §6)`() throws {
        let answer = try publish(minimalOffer(session: "a=extmap-allow-mixed")).answerText()
        #expect(answer.lines.firstIndex(of: "a=extmap-allow-mixed") == 7)
        let media = try publish(minimalOffer(video: "a=extmap-allow-mixed\na=rtcp-rsize"))
        let lines = try media.answerText().lines
        let video = try #require(lines.firstIndex { $0.hasPrefix("m=video") })
        #expect(
            !lines[..<video].contains("a=extmap-allow-mixed")
                && lines[video...].contains("a=extmap-allow-mixed"))
        #expect(media.media.map(\.reducedSizeRTCP) == [false, true])
        #expect(lines.filter { $0 == "a=rtcp-rsize" }.count == 1)
    }

    @Test func `finds the SSRCs without those of repair (RFC 5576 §4.2)`() throws {
        let text = minimalOffer(
            video: """
                a=ssrc:0 cname:x
                a=ssrc:4294967296 cname:x
                a=ssrc:20 cname:x
                a=ssrc:10 cname:x
                a=ssrc:10 msid:s t
                a=ssrc-group:FID 10 20
                a=ssrc-group:FEC-FR 10 30
                a=ssrc:30 cname:x
                a=ssrc-group:FID 10
                """)
        #expect(try publish(text).medium(.video).ssrcs == [10])
        let many = (1...40).map { "a=ssrc:\($0) cname:x" }.joined(separator: "\n")
        #expect(try publish(minimalOffer(video: many)).medium(.video).ssrcs == [1, 2, 3, 4])
    }

    @Test func `echoes no Opus parameter that is not a number`() throws {
        let text = minimalOffer(audio: "a=fmtp:111 minptime=1 0;useinbandfec=1;stereo=a;x=1;sprop-stereo=1")
        #expect(try publish(text).medium(.audio).formatParameters == "useinbandfec=1")
        #expect(try publish(minimalOffer()).medium(.audio).formatParameters.isEmpty)
    }

    @Test func `ignores candidates of every kind, even broken ones`() throws {
        let candidates = """
            a=candidate:1 1 udp 1 x.local 9 typ host generation 0
            a=candidate:1 2 tcp 1 10.0.0.1 9 typ srflx raddr 0.0.0.0 rport 0 tcptype active
            a=candidate:
            a=candidate
            a=end-of-candidates
            a=remote-candidates:1 10.0.0.1 9
            a=rtcp:9 IN IP4 0.0.0.0
            """
        #expect(try publish(minimalOffer(audio: candidates)) == publish(minimalOffer(audio: candidates)))
        #expect(
            try publish(minimalOffer(audio: candidates)).answerText() == publish(minimalOffer()).answerText())
    }
}
