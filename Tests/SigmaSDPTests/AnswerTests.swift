import Foundation
import SigmaSDP
import Testing

@Suite("Answers: RFC 9429 §5.3")
struct AnswerTests {
    @Test(arguments: OfferFile.publishers)
    func `every answer to a publisher fits its offer (RFC 9429 §5.3.1)`(file: OfferFile) throws {
        let text = try file.text
        #expect(inconsistencies(of: try publish(text).answerText(), with: text) == [])
    }

    @Test(arguments: OfferFile.viewers)
    func `every answer to a viewer fits its offer (RFC 9429 §5.3.1)`(file: OfferFile) throws {
        let text = try file.text
        for published in [
            room(), room(audio: false), room(video: nil), room(video: "42001f"), room(video: "42e034"),
        ] {
            #expect(inconsistencies(of: try view(text, published).answerText(), with: text) == [])
        }
    }

    private static let transport = """
        a=ice-ufrag:aaaa
        a=ice-pwd:p234567890123456789012
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:\
        1C:1D:1E:1F
        """

    @Test func `the answer to OBS with layers, line by line`() throws {
        let expected = """
            v=0
            o=- 7 1 IN IP4 0.0.0.0
            s=-
            t=0 0
            a=ice-lite
            a=ice-options:ice2
            a=group:BUNDLE 0 1
            m=audio 5004 UDP/TLS/RTP/SAVPF 111
            c=IN IP4 203.0.113.9
            a=mid:0
            a=recvonly
            \(Self.transport)
            a=setup:passive
            a=rtcp-mux
            a=rtcp-mux-only
            a=rtpmap:111 opus/48000/2
            a=fmtp:111 minptime=10;maxaveragebitrate=96000;useinbandfec=1;stereo=1
            a=candidate:1 1 udp 2130706431 203.0.113.9 5004 typ host
            a=candidate:2 1 udp 2130706175 2001:db8::9 5004 typ host
            a=end-of-candidates
            m=video 5004 UDP/TLS/RTP/SAVPF 96
            c=IN IP4 203.0.113.9
            a=mid:1
            a=recvonly
            \(Self.transport)
            a=setup:passive
            a=rtcp-mux
            a=rtcp-mux-only
            a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
            a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
            a=rtpmap:96 H264/90000
            a=rtcp-fb:96 nack
            a=rtcp-fb:96 nack pli
            a=rtcp-fb:96 ccm fir
            a=rtcp-fb:96 goog-remb
            a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
            a=rid:0 recv
            a=rid:1 recv
            a=rid:2 recv
            a=simulcast:recv 0;1;2
            """
        #expect(
            try publish(OfferFile.obsSimulcast.text).answerText().lines
                == expected.components(separatedBy: "\n"))
    }

    @Test func `the answer to Firefox in a room without sound, line by line`() throws {
        let negotiation = try view(OfferFile.firefoxViewer.text, room(audio: false))
        let ssrc = try #require(try negotiation.medium(.video).ssrcs.first)
        let rtx = try #require(try negotiation.medium(.video).rtxSSRC)
        let expected = """
            v=0
            o=- 7 1 IN IP4 0.0.0.0
            s=-
            t=0 0
            a=ice-lite
            a=ice-options:ice2
            a=group:BUNDLE 0 1
            m=audio 5004 UDP/TLS/RTP/SAVPF 109
            c=IN IP4 203.0.113.9
            a=mid:0
            a=inactive
            \(Self.transport)
            a=setup:passive
            a=rtcp-mux
            a=rtcp-mux-only
            a=rtpmap:109 opus/48000/2
            a=candidate:1 1 udp 2130706431 203.0.113.9 5004 typ host
            a=candidate:2 1 udp 2130706175 2001:db8::9 5004 typ host
            a=end-of-candidates
            m=video 5004 UDP/TLS/RTP/SAVPF 126 127
            c=IN IP4 203.0.113.9
            a=mid:1
            a=sendonly
            \(Self.transport)
            a=setup:passive
            a=rtcp-mux
            a=rtcp-mux-only
            a=rtcp-rsize
            a=extmap-allow-mixed
            a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
            a=extmap:6/sendonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
            a=rtpmap:126 H264/90000
            a=rtcp-fb:126 nack
            a=rtcp-fb:126 nack pli
            a=rtcp-fb:126 ccm fir
            a=fmtp:126 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
            a=rtpmap:127 rtx/90000
            a=fmtp:127 apt=126
            a=msid:room room-video
            a=ssrc-group:FID \(ssrc) \(rtx)
            a=ssrc:\(ssrc) cname:cname
            a=ssrc:\(ssrc) msid:room room-video
            a=ssrc:\(rtx) cname:cname
            a=ssrc:\(rtx) msid:room room-video
            """
        #expect(try negotiation.answerText().lines == expected.components(separatedBy: "\n"))
    }

    @Test func `gives both tracks of a viewer one stream (WHEP §4.6.2)`() throws {
        let answer = try view(OfferFile.chromiumViewer.text).answerText()
        let streams = answer.lines.filter { $0.hasPrefix("a=msid:") }
        #expect(streams == ["a=msid:room room-audio", "a=msid:room room-video"])
    }

    @Test func `answers active to FFmpeg, which offers passive (RFC 8842 §5.3)`() throws {
        let answer = try publish(OfferFile.ffmpegPassive.text).answerText()
        #expect(answer.lines.filter { $0.hasPrefix("a=setup") } == ["a=setup:active", "a=setup:active"])
        #expect(answer.lines.filter { $0.hasPrefix("a=rtcp-fb") } == ["a=rtcp-fb:106 nack"])
        #expect(
            answer.lines.filter { $0.contains("rtx") || $0.contains("apt") } == [
                "a=rtpmap:105 rtx/90000", "a=fmtp:105 apt=106",
            ])
    }

    @Test func `carries the candidates where the bundle is tagged (RFC 9143 §7.3.1)`() throws {
        let text = try minimalOffer().replacing(["BUNDLE a v": "BUNDLE v a"])
        let answer = try SessionDescription(parsing: Array(publish(text).answerText().utf8))
        #expect(answer.media.map { $0.values("candidate").count } == [0, 2])
        #expect(answer.media.map { $0.has("end-of-candidates") } == [false, true])
    }

    @Test func `numbers candidates apart, the first preferred (RFC 8445 §5.1.2)`() throws {
        var local = try localDescription()
        local.candidates = (1...4).map { Candidate(address: "2001:db8::\($0)", port: UInt16($0)) }
        let answer = try publish(minimalOffer()).answer(local)
        let candidates = answer.lines.filter { $0.hasPrefix("a=candidate:") }.map { $0.split(separator: " ") }
        #expect(Set(candidates.map { $0[0] }).count == 4)
        let priorities = candidates.compactMap { UInt32($0[3]) }
        #expect(priorities == priorities.sorted(by: >) && Set(priorities).count == 4)
        #expect(answer.contains("m=audio 1 ") && answer.contains("c=IN IP6 2001:db8::1\r\n"))
    }

    @Test func `needs no candidate and keeps o= within 63 bits (RFC 9429 §5.2.1)`() throws {
        var local = try localDescription()
        local.candidates = []
        local.sessionID = .max
        let answer = try publish(minimalOffer()).answer(local)
        #expect(answer.contains("o=- 9223372036854775807 1 IN IP4 0.0.0.0\r\n"))
        #expect(answer.contains("m=audio 9 ") && answer.contains("c=IN IP4 0.0.0.0\r\n"))
    }

    @Test func `answers a lone section without a group with none`() throws {
        let lines = minimalOffer().components(separatedBy: "\n")
        let video = try #require(lines.firstIndex { $0.hasPrefix("m=video") })
        let text = lines[..<video].filter { !$0.hasPrefix("a=group") }.joined(separator: "\n")
        let answer = try publish(text).answerText()
        #expect(!answer.contains("a=group"))
        #expect(answer.contains("a=candidate:1"))
    }

    @Test func `promises retransmission and feedback only where they are done (RFC 4585 §4.2)`() throws {
        let everything = Capabilities(
            feedback: [.nack, .nackPLI, .ccmFIR, .transportCC, .googREMB], rtx: true)
        let text = try OfferFile.chromiumPublisher.text
        let negotiation = try Negotiation(publisherOffer: offer(text), capabilities: everything)
        let video = try negotiation.medium(.video)
        #expect(video.rtxPayloadType == 109 && video.rtxSSRC == 2_180_689_317)
        #expect(video.nack && video.nackPLI && video.ccmFIR && video.transportCC && !video.googREMB)
        #expect(video.extensions.map(\.kind).contains(.transportCC))
        let answer = try negotiation.answerText()
        #expect(answer.contains("m=video 5004 UDP/TLS/RTP/SAVPF 108 109\r\n"))
        #expect(answer.contains("a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n"))
        #expect(inconsistencies(of: answer, with: text) == [])
    }

    @Test func `pairs the retransmission SSRC of a viewer (RFC 4588 §8.8)`() throws {
        var capabilities = Capabilities.viewer
        capabilities.rtx = true
        var negotiation = try Negotiation(
            viewerOffer: offer(OfferFile.chromiumViewer.text), publisher: room(), capabilities: capabilities)
        var random = SplitMix64(seed: 5)
        negotiation.assignSSRCs(using: &random)
        let video = try negotiation.medium(.video)
        let source = try #require(video.ssrcs.first)
        let rtx = try #require(video.rtxSSRC)
        #expect(source != rtx)
        #expect(try negotiation.answerText().contains("a=ssrc-group:FID \(source) \(rtx)\r\n"))
    }
}
