import Foundation
import SigmaSDP
import Testing

@Suite("Negotiation of a publisher: RFC 9725 §4.2")
struct PublisherNegotiationTests {
    struct Expected: Sendable {
        let file: OfferFile
        let dtlsRole: DTLSRole
        let audio: UInt8
        let video: UInt8
        let profile: String
        var rids: [String] = []
        var audioSSRCs: [UInt32] = []
        var videoSSRCs: [UInt32] = []
        var feedback: Feedback = [.nack]
        var rtx: UInt8?
        var rtxSSRC: UInt32?
        var extensions: [ExtensionKind: UInt8] = [:]
        var hash = HashFunction.sha256
        var stereo = false
        var reducedSize = false
    }

    static let expected: [Expected] = [
        Expected(
            file: .obs, dtlsRole: .server, audio: 111, video: 96, profile: "42e01f",
            audioSSRCs: [305_419_896], videoSSRCs: [305_419_897],
            feedback: [.nack, .nackPLI, .ccmFIR, .googREMB],
            extensions: [.mid: 1], stereo: true),
        Expected(
            file: .obsSimulcast, dtlsRole: .server, audio: 111, video: 96, profile: "42e01f",
            rids: ["0", "1", "2"], audioSSRCs: [305_419_896],
            feedback: [.nack, .nackPLI, .ccmFIR, .googREMB],
            extensions: [.mid: 1, .rid: 2], stereo: true),
        Expected(
            file: .ffmpegPassive, dtlsRole: .client, audio: 111, video: 106, profile: "42401f",
            audioSSRCs: [259_337_248], videoSSRCs: [259_337_249], rtx: 105, rtxSSRC: 259_337_250,
            reducedSize: true),
        Expected(
            file: .ffmpegActive, dtlsRole: .server, audio: 111, video: 106, profile: "42001f",
            audioSSRCs: [3_787_036_260], videoSSRCs: [3_787_036_261], rtx: 105, rtxSSRC: 3_787_036_262,
            reducedSize: true),
        Expected(
            file: .aiortcPublisher, dtlsRole: .server, audio: 96, video: 101, profile: "42e01f",
            audioSSRCs: [1_450_409_994], videoSSRCs: [2_643_672_224], feedback: [.nack, .nackPLI, .googREMB],
            rtx: 102, rtxSSRC: 1_362_728_396, extensions: [.mid: 1], hash: .sha512),
        Expected(
            file: .chromiumPublisher, dtlsRole: .server, audio: 111, video: 108, profile: "42e01f",
            audioSSRCs: [1_429_123_295], videoSSRCs: [1_829_708_789],
            feedback: [.nack, .nackPLI, .ccmFIR, .transportCC],
            rtx: 109, rtxSSRC: 2_180_689_317,
            extensions: [.videoOrientation: 13, .transportCC: 3, .playoutDelay: 5, .colorSpace: 8, .mid: 4],
            reducedSize: true),
        Expected(
            file: .chromiumSendrecv, dtlsRole: .server, audio: 111, video: 108, profile: "42e01f",
            audioSSRCs: [3_195_002_505], videoSSRCs: [3_237_667_245],
            feedback: [.nack, .nackPLI, .ccmFIR, .transportCC],
            rtx: 109, rtxSSRC: 1_543_085_605,
            extensions: [.videoOrientation: 13, .transportCC: 3, .playoutDelay: 5, .colorSpace: 8, .mid: 4],
            reducedSize: true),
        Expected(
            file: .chromiumSimulcast, dtlsRole: .server, audio: 111, video: 108, profile: "42e01f",
            rids: ["h", "m", "l"], audioSSRCs: [1_309_079_814],
            feedback: [.nack, .nackPLI, .ccmFIR, .transportCC],
            extensions: [
                .videoOrientation: 13, .transportCC: 3, .playoutDelay: 5, .colorSpace: 8, .mid: 4, .rid: 10,
            ],
            reducedSize: true),
    ]

    @Test func `expectations name every publisher's offer`() {
        #expect(Set(Self.expected.map(\.file)) == Set(OfferFile.publishers))
    }

    @Test(arguments: expected)
    func `accepts every real publisher (RFC 9725 §4.2)`(expected: Expected) throws {
        let text = try expected.file.text
        let negotiation = try publish(text)
        #expect(negotiation.role == .publisher)
        #expect(negotiation.dtlsRole == expected.dtlsRole)
        #expect(negotiation.media.map(\.mid) == ["0", "1"])
        #expect(text.contains("a=ice-ufrag:\(negotiation.credentials.ufrag)\r\n"))
        #expect(text.contains("a=ice-pwd:\(negotiation.credentials.password)\r\n"))
        #expect(negotiation.fingerprints.map(\.hashFunction) == [expected.hash])
        #expect(text.contains("a=fingerprint:\(try #require(negotiation.fingerprints.first).text)\r\n"))

        let audio = try negotiation.medium(.audio)
        #expect(audio.codec == .opus && audio.clockRate == 48_000 && audio.payloadType == expected.audio)
        #expect(audio.ssrcs == expected.audioSSRCs)
        #expect(audio.feedback == expected.feedback.intersection(.transportCC))
        #expect(audio.h264Profile == nil && audio.packetizationMode == nil)
        #expect(negotiation.published.audio?.isStereo == expected.stereo)

        let video = try negotiation.medium(.video)
        #expect(video.codec == .h264 && video.clockRate == 90_000 && video.payloadType == expected.video)
        #expect(video.h264Profile?.text == expected.profile && video.packetizationMode == 1)
        #expect(video.ssrcs == expected.videoSSRCs)
        #expect(video.rids == expected.rids)
        #expect(video.feedback == expected.feedback)
        #expect(video.reducedSizeRTCP == expected.reducedSize)
        #expect(video.rtxPayloadType == expected.rtx && video.rtxSSRC == expected.rtxSSRC)
        #expect(
            Dictionary(uniqueKeysWithValues: video.extensions.map { ($0.kind, $0.id) }) == expected.extensions
        )
    }

    @Test func `takes how long a publisher keeps what it sent (RFC 4588 §8.1)`() throws {
        let text = try OfferFile.chromiumPublisher.text
        #expect(try publish(text).medium(.video).rtxTime == nil)
        let said = text.replacingOccurrences(
            of: "a=fmtp:109 apt=108", with: "a=fmtp:109 apt=108;rtx-time=3000")
        #expect(try publish(said).medium(.video).rtxTime == 3000)
        let wild = text.replacingOccurrences(
            of: "a=fmtp:109 apt=108", with: "a=fmtp:109 apt=108;rtx-time=99999999999")
        #expect(try publish(wild).medium(.video).rtxTime == nil)
    }

    @Test(arguments: OfferFile.viewers.filter { $0 != .chromiumSendrecv })
    func `refuses who does not send (RFC 9725 §4.2)`(file: OfferFile) throws {
        let text = try file.text
        #expect(throws: NegotiationError.direction(.recvonly, mid: "0", role: .publisher)) {
            try publish(text)
        }
    }

    @Test(arguments: ["recvonly", "inactive"])
    func `refuses a publisher whose video does not send`(direction: String) throws {
        let text = try OfferFile.chromiumPublisher.text
        let head = try #require(text.range(of: "m=video")).lowerBound
        let changed =
            text[..<head] + text[head...].replacingOccurrences(of: "a=sendonly", with: "a=\(direction)")
        #expect(throws: NegotiationError.self) { try publish(String(changed)) }
    }

    @Test func `takes the direction of the session level, and sendrecv for none (RFC 8866 §6.7)`() throws {
        let text = minimalOffer(direction: "x-none")
        #expect(throws: Never.self) { try publish(text) }
        #expect(throws: NegotiationError.self) {
            try publish(minimalOffer(direction: "x-none", session: "a=recvonly"))
        }
        #expect(throws: Never.self) {
            try publish(minimalOffer(direction: "sendonly", session: "a=recvonly"))
        }
    }

    @Test(arguments: MediaKind.allForTests)
    func `accepts a publisher with one kind only`(kind: MediaKind) throws {
        let lines = minimalOffer().components(separatedBy: "\n")
        let audio = try #require(lines.firstIndex { $0.hasPrefix("m=audio") })
        let video = try #require(lines.firstIndex { $0.hasPrefix("m=video") })
        let kept = kind == .audio ? lines[..<video] : lines[..<audio] + lines[video...]
        let negotiation = try publish(kept.joined(separator: "\n"))
        #expect(negotiation.media.map(\.kind) == [kind])
        #expect((negotiation.published.audio == nil) == (kind == .video))
        #expect((negotiation.published.video == nil) == (kind == .audio))
    }

    @Test func `refuses a second track or stream of a kind whole (RFC 9725 §4.4.2)`() throws {
        let second =
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:b\na=sendonly\na=rtpmap:111 opus/48000/2\na=rtcp-mux"
        let bundled = try minimalOffer(video: second).replacing(["BUNDLE a v": "BUNDLE a v b"])
        #expect(throws: NegotiationError.tooManyTracks(.audio)) { try publish(bundled) }
        #expect(throws: NegotiationError.tooManyTracks(.video)) {
            try publish(minimalOffer(video: "a=msid:s t1\na=msid:s t2"))
        }
        #expect(throws: NegotiationError.tooManyStreams) {
            try publish(minimalOffer(audio: "a=msid:s1 a", video: "a=ssrc:5 msid:s2 v"))
        }
        #expect(throws: Never.self) { try publish(minimalOffer(audio: "a=msid:- a", video: "a=msid:s v")) }
    }

    @Test func `refuses a data channel, since no m-section of a publisher is rejected (RFC 9725 §4.4.3)`()
        throws
    {
        let text = minimalOffer(video: "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d")
        #expect(throws: NegotiationError.unsupportedMedia("application")) { try publish(text) }
    }

    @Test func `ignores an m-section that the publisher disabled itself (RFC 3264 §6)`() throws {
        let text = minimalOffer(video: "m=video 0 UDP/TLS/RTP/SAVPF 96\na=mid:x\na=inactive")
        let negotiation = try publish(text)
        #expect(negotiation.media.map(\.mid) == ["a", "v"])
        #expect(inconsistencies(of: try negotiation.answerText(), with: text).isEmpty)
        let disabled = try minimalOffer().replacing(["m=audio 9": "m=audio 0", "m=video 9": "m=video 0"])
        #expect(throws: NegotiationError.noMedia) { try publish(disabled) }
    }

    @Test func `takes port 0 with bundle-only for live (RFC 9143 §6)`() throws {
        let text = try minimalOffer(video: "a=bundle-only").replacing(["m=video 9": "m=video 0"])
        #expect(try publish(text).media.map(\.mid) == ["a", "v"])
    }

    @Test(arguments: [
        (["42001f", "42e01f"], 1), (["640c1f", "4d001f", "42001f"], 2), (["640c1f", "64001f", "4d001f"], 2),
        (["f4001f", "64001f"], 1), (["64001f"], 0), (["42e01f", "42c02a"], 0),
    ])
    func `asks the publisher for the profile that most viewers show`(profiles: [String], best: Int) throws {
        let text = try h264Offer(profiles.map { "packetization-mode=1;profile-level-id=\($0)" })
        #expect(try publish(text).medium(.video).payloadType == UInt8(100 + best))
    }

    @Test func `prefers fragments, takes single packets, refuses interleaved (RFC 6184 §6.2)`() throws {
        let both = try h264Offer(["profile-level-id=42e01f", "packetization-mode=1;profile-level-id=64001f"])
        #expect(try publish(both).medium(.video).payloadType == 101)
        let single = try publish(h264Offer(["profile-level-id=42e01f"]))
        #expect(single.published.video?.packetizationMode == 0)
        #expect(throws: NegotiationError.noCommonCodec(.video)) {
            try publish(h264Offer(["packetization-mode=2;profile-level-id=42e01f"]))
        }
        #expect(try publish(h264Offer(["x=y"])).medium(.video).h264Profile == .absent)
    }

    @Test func `takes payload types 35 to 63 and refuses 64 to 95 (RFC 5761 §4)`() throws {
        for payloadType in [0, 35, 63, 96, 127] {
            let text = try minimalOffer().replacing(["96": "\(payloadType)"])
            #expect(try publish(text).medium(.video).payloadType == UInt8(payloadType))
        }
        for payloadType in [64, 72, 95] {
            let text = try minimalOffer().replacing(["96": "\(payloadType)"])
            #expect(throws: NegotiationError.reservedPayloadType(UInt8(payloadType))) { try publish(text) }
        }
        let other = try minimalOffer(video: "a=rtpmap:70 H264/90000").replacing(["SAVPF 96": "SAVPF 70 96"])
        #expect(try publish(other).medium(.video).payloadType == 96)
        for payloadType in ["128", "255", "256", "-1", "*"] {
            let text = try minimalOffer().replacing(["96": payloadType])
            #expect(throws: NegotiationError.noCommonCodec(.video)) { try publish(text) }
        }
    }

    @Test func `refuses codecs that are not forwarded, names the kind`() throws {
        #expect(throws: NegotiationError.noCommonCodec(.audio)) {
            try publish(minimalOffer().replacing(["opus/48000/2": "PCMU/8000"]))
        }
        #expect(throws: NegotiationError.noCommonCodec(.audio)) {
            try publish(minimalOffer().replacing(["opus/48000/2": "opus/48000/1"]))
        }
        #expect(throws: NegotiationError.noCommonCodec(.video)) {
            try publish(minimalOffer().replacing(["H264/90000": "VP8/90000"]))
        }
    }

    @Test func `refuses layers that the media server cannot keep, rather than some of them`() throws {
        let rids = { (names: [String]) in
            names.map { "a=rid:\($0) send\n" }.joined()
                + "a=simulcast:send \(names.joined(separator: ";"))\na=extmap:1 \(ExtensionKind.rid.uri)"
        }
        #expect(try publish(minimalOffer(video: rids(["a", "b", "c", "d"]))).medium(.video).rids.count == 4)
        for names in [["a", "b", "c", "d", "e"], [String(repeating: "r", count: 17)]] {
            #expect(throws: NegotiationError.tooManyLayers) { try publish(minimalOffer(video: rids(names))) }
        }
    }

    @Test func `reads simulcast with pauses, alternatives, restrictions and strangers (RFC 8853 §5.1)`()
        throws
    {
        let text = minimalOffer(
            video: """
                a=extmap:1 \(ExtensionKind.rid.uri)
                a=rid:h send pt=96,97;max-width=1280
                a=rid:m send
                a=rid:n send
                a=rid:x send pt=97
                a=rid:l recv
                a=simulcast:recv q send ~h,m;n;x;l;missing
                """)
        let negotiation = try publish(text)
        #expect(try negotiation.medium(.video).rids == ["h", "n"])
        let answer = try negotiation.answerText().lines
        #expect(answer.contains("a=rid:h recv pt=96;max-width=1280"))
        #expect(answer.contains("a=rid:n recv"))
        #expect(answer.contains("a=simulcast:recv h;n"))
    }

    @Test func `answers no layers where packets would not name theirs (RFC 8852 §3)`() throws {
        let text = try OfferFile.obsSimulcast.text.dropping("a=extmap:2")
        let negotiation = try publish(text)
        #expect(try negotiation.medium(.video).rids.isEmpty)
        #expect(try !negotiation.answerText().contains("a=simulcast"))
    }
}

extension MediaKind {
    static let allForTests: [MediaKind] = [.audio, .video]
}

/// The minimal offer with these H.264 formats, payload types from 100 on.
func h264Offer(_ parameters: [String], direction: String = "sendonly") throws -> String {
    let payloadTypes = parameters.indices.map { String(100 + $0) }
    let lines = zip(payloadTypes, parameters).map { "a=rtpmap:\($0) H264/90000\na=fmtp:\($0) \($1)" }
    return try minimalOffer(direction: direction, video: lines.joined(separator: "\n")).replacing([
        "m=video 9 UDP/TLS/RTP/SAVPF 96": "m=video 9 UDP/TLS/RTP/SAVPF \(payloadTypes.joined(separator: " "))"
    ])
}
