import SigmaSDP
import Testing

@Suite("Negotiation of a viewer: WHEP §4.3")
struct ViewerNegotiationTests {
    struct Expected: Sendable {
        let file: OfferFile
        let audio: UInt8
        /// Payload type by what is published.
        let video: [String: UInt8]
        var extensions: [ExtensionKind: UInt8] = [:]
        var feedback: Feedback = [.nack, .nackPLI, .ccmFIR]
        /// By the payload type that is repaired.
        let rtx: [UInt8: UInt8]
    }

    static let expected: [Expected] = [
        Expected(
            file: .chromiumViewer, audio: 111,
            video: [
                "42e01f": 108, "42401f": 108, "42c01f": 108, "42e034": 108, "42001f": 102, "4d0028": 116,
                "64001f": 41, "640c1f": 41,
            ],
            extensions: [.videoOrientation: 13, .playoutDelay: 5, .colorSpace: 8, .mid: 4],
            rtx: [102: 103, 108: 109, 116: 117, 41: 42]),
        Expected(
            file: .chromiumViewerMDNS, audio: 111, video: ["42e01f": 108],
            extensions: [.videoOrientation: 13, .playoutDelay: 5, .colorSpace: 8, .mid: 4], rtx: [108: 109]),
        Expected(
            file: .chromiumSendrecv, audio: 111, video: ["42e01f": 108, "4d001f": 116],
            extensions: [.videoOrientation: 13, .playoutDelay: 5, .colorSpace: 8, .mid: 4],
            rtx: [108: 109, 116: 117]),
        Expected(
            file: .firefoxViewer, audio: 109, video: ["42e01f": 126, "42001f": 105, "42401f": 126],
            extensions: [.mid: 3, .playoutDelay: 6], rtx: [126: 127, 105: 106]),
        Expected(
            file: .aiortcViewer, audio: 96, video: ["42e01f": 101, "42001f": 99, "42401f": 101],
            extensions: [.mid: 1], feedback: [.nack, .nackPLI], rtx: [99: 100, 101: 102]),
        Expected(
            file: .pionViewer, audio: 111,
            video: ["42e01f": 125, "42001f": 102, "64001f": 123, "640028": 123, "4d001f": 123],
            rtx: [125: 107, 102: 121, 123: 118]),
    ]

    @Test func `expectations name every viewer's offer`() {
        #expect(Set(Self.expected.map(\.file)) == Set(OfferFile.viewers))
    }

    @Test(arguments: expected)
    func `answers every real viewer with the format that shows what is published`(expected: Expected) throws {
        let text = try expected.file.text
        for (published, payloadType) in expected.video {
            let negotiation = try view(text, room(video: published))
            #expect(negotiation.role == .viewer && negotiation.dtlsRole == .server)
            #expect(try negotiation.medium(.audio).payloadType == expected.audio)
            let video = try negotiation.medium(.video)
            #expect(video.payloadType == payloadType, "\(published)")
            #expect(video.packetizationMode == 1)
            #expect(video.feedback == expected.feedback)
            #expect(video.rids.isEmpty && video.rtxPayloadType == expected.rtx[payloadType])
            let extensions = video.extensions.map { ($0.kind, $0.id) }
            #expect(Dictionary(uniqueKeysWithValues: extensions) == expected.extensions)
        }
    }

    @Test(arguments: OfferFile.publishers.filter { $0 != .chromiumSendrecv })
    func `refuses who does not receive (WHEP §4.3.5)`(file: OfferFile) throws {
        let text = try file.text
        #expect(throws: NegotiationError.direction(.sendonly, mid: "0", role: .viewer)) { try view(text) }
        #expect(throws: NegotiationError.direction(.inactive, mid: "a", role: .viewer)) {
            try view(minimalOffer(direction: "inactive"))
        }
    }

    @Test func `gives every section an SSRC of its own`() throws {
        var negotiation = try Negotiation(
            viewerOffer: offer(minimalOffer(direction: "recvonly")), publisher: room())
        #expect(negotiation.media.flatMap { $0.ssrcs }.isEmpty)
        var random = SplitMix64(seed: 3)
        negotiation.assignSSRCs(using: &random)
        let ssrcs = negotiation.media.flatMap { $0.ssrcs + [$0.rtxSSRC].compactMap(\.self) }
        #expect(ssrcs.count == 2 && Set(ssrcs).count == 2 && !ssrcs.contains(0))
    }

    @Test func `leaves a publisher's SSRCs as they are`() throws {
        var negotiation = try publish(OfferFile.obs.text)
        var random = SplitMix64(seed: 3)
        negotiation.assignSSRCs(using: &random)
        #expect(try negotiation == publish(OfferFile.obs.text))
    }

    @Test(arguments: OfferFile.viewers)
    func `rejects a kind that the room has not (RFC 9429 §5.3.1)`(file: OfferFile) throws {
        let negotiation = try view(file.text, room(video: nil))
        #expect(negotiation.media.map(\.kind) == [.audio])
        let answer = try SessionDescription(parsing: Array(negotiation.answerText().utf8))
        #expect(answer.media.map(\.port) == [5004, 0])
        #expect(answer.attributes.contains { $0.value == "BUNDLE 0" })
    }

    @Test(arguments: OfferFile.viewers)
    func `keeps the first section of the bundle, inactive, for its transport`(file: OfferFile) throws {
        let text = try file.text
        let negotiation = try view(text, room(audio: false))
        #expect(negotiation.media.map(\.kind) == [.video])
        let answer = try SessionDescription(parsing: Array(negotiation.answerText().utf8))
        #expect(answer.media.map(\.port) == [5004, 5004])
        #expect(answer.media.map { $0.has("inactive") } == [true, false])
        #expect(answer.media.map { $0.values("candidate").count } == [2, 0])
        #expect(answer.attributes.contains { $0.value == "BUNDLE 0 1" })
        // Not where another section leads the bundle.
        let videoFirst = try text.replacing(["BUNDLE 0 1": "BUNDLE 1 0"])
        let other = try SessionDescription(
            parsing: Array(view(videoFirst, room(audio: false)).answerText().utf8))
        #expect(other.media.map(\.port) == [0, 5004])
        #expect(other.attributes.contains { $0.value == "BUNDLE 1" })
    }

    @Test func `rejects a second section of a kind and a data channel, wherever they stand`() throws {
        let text = try minimalOffer(
            direction: "recvonly",
            video: """
                m=video 9 UDP/TLS/RTP/SAVPF 98 96
                a=mid:w
                a=recvonly
                a=rtpmap:98 red/90000
                a=rtpmap:96 H264/90000
                m=application 9 UDP/DTLS/SCTP webrtc-datachannel
                a=mid:d
                """
        ).replacing(["BUNDLE a v": "BUNDLE d a v w"])
        let negotiation = try view(text)
        #expect(negotiation.media.map(\.mid) == ["a", "v"])
        let answer = try negotiation.answerText()
        #expect(inconsistencies(of: answer, with: text).isEmpty)
        let rejected = answer.lines.filter { $0.hasPrefix("m=") }.suffix(2)
        #expect(
            rejected == [
                "m=video 0 UDP/TLS/RTP/SAVPF 96", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
            ])
        #expect(answer.contains("a=group:BUNDLE a v\r\n"))
        #expect(answer.contains("a=mid:w\r\n") && answer.contains("a=mid:d\r\n"))
    }

    @Test func `refuses who wants nothing that the room has`() throws {
        let text = minimalOffer(direction: "recvonly")
        #expect(throws: NegotiationError.noMatchingMedia) { try view(text, room(audio: false, video: nil)) }
        let disabled = try text.replacing(["m=audio 9": "m=audio 0"])
        #expect(throws: NegotiationError.noMatchingMedia) { try view(disabled, room(video: nil)) }
    }

    private func chosen(
        _ formats: [String], published: String, mode: Int = 1
    ) throws -> (payloadType: UInt8, formatParameters: String) {
        let video = try view(h264Offer(formats, direction: "recvonly"), room(video: published, mode: mode))
            .medium(.video)
        return (video.payloadType, video.formatParameters)
    }

    @Test func `prefers the same profile to a decoder for it`() throws {
        let formats = ["64001f", "4d001f", "42001f", "42c01f"].map {
            "packetization-mode=1;profile-level-id=\($0)"
        }
        #expect(try chosen(formats, published: "42e01f").payloadType == 103)
        #expect(try chosen(formats, published: "4d401f").payloadType == 101)
        #expect(try chosen(Array(formats.prefix(2)), published: "42e01f").payloadType == 101)
        #expect(try chosen(Array(formats.prefix(1)), published: "4d001f").payloadType == 100)
    }

    @Test func `shows Baseline with any profile when nothing fits better`() throws {
        let formats = ["640c1f", "42e01f"].map { "packetization-mode=1;profile-level-id=\($0)" }
        #expect(try chosen(formats, published: "42001f").payloadType == 101)
        #expect(
            try chosen(formats + ["packetization-mode=1;profile-level-id=42001f"], published: "42001f")
                .payloadType == 102)
    }

    @Test(arguments: ["4d001f", "64001f", "f4001f"])
    func `refuses when nothing offered shows what is published`(published: String) throws {
        let profile = try #require(H264Profile(parsing: published))
        #expect(throws: NegotiationError.noCommonProfile(published: profile, packetizationMode: 1)) {
            try chosen(["packetization-mode=1;profile-level-id=42e01f"], published: published)
        }
    }

    @Test func `sends fragments to nobody who did not offer mode 1 (RFC 6184 §6.2)`() throws {
        let profile = try #require(H264Profile(parsing: "42e01f"))
        #expect(throws: NegotiationError.noCommonProfile(published: profile, packetizationMode: 1)) {
            try chosen(["profile-level-id=42e01f"], published: "42e01f")
        }
        #expect(try chosen(["profile-level-id=42e01f"], published: "42e01f", mode: 0).payloadType == 100)
        #expect(
            try chosen(
                ["profile-level-id=42e01f", "packetization-mode=1;profile-level-id=42e01f"],
                published: "42e01f", mode: 0
            ).payloadType == 101)
    }

    @Test func `raises the level where asymmetry is allowed, else refuses (RFC 6184 §8.2.2)`() throws {
        let base = "packetization-mode=1;profile-level-id=42e01f"
        let higher = try #require(H264Profile(parsing: "42e02a"))
        #expect(throws: NegotiationError.noCommonProfile(published: higher, packetizationMode: 1)) {
            try chosen([base], published: "42e02a")
        }
        #expect(
            try chosen(["\(base);level-asymmetry-allowed=1"], published: "42e02a").formatParameters
                == "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e02a")
        #expect(try chosen([base], published: "42c00d").formatParameters == base)
        #expect(
            try chosen(
                ["\(base);level-asymmetry-allowed=1", "packetization-mode=1;profile-level-id=42e034"],
                published: "42e02a"
            ).payloadType == 101)
    }

    @Test func `fails the whole where its codec is missing`() throws {
        #expect(throws: NegotiationError.noCommonCodec(.audio)) {
            try view(minimalOffer(direction: "recvonly").replacing(["opus/48000/2": "PCMU/8000"]))
        }
        #expect(throws: NegotiationError.noCommonCodec(.video)) {
            try view(minimalOffer(direction: "recvonly").replacing(["H264/90000": "VP8/90000"]))
        }
        // Not for a kind that the room has not.
        #expect(throws: Never.self) {
            try view(
                minimalOffer(direction: "recvonly").replacing(["H264/90000": "VP8/90000"]), room(video: nil))
        }
    }

    @Test func `says to a viewer that the sound has two channels (RFC 7587 §7.1)`() throws {
        let published = try publish(OfferFile.obs.text).published
        let answer = try view(OfferFile.chromiumViewer.text, published).answerText()
        #expect(answer.contains("a=fmtp:111 minptime=10;useinbandfec=1;sprop-stereo=1\r\n"))
    }
}
