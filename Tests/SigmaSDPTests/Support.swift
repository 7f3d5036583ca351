import Foundation
import SigmaSDP
import Testing

/// The offers in `Offers/`.
enum OfferFile: String, CaseIterable, Sendable {
    case aiortcPublisher = "aiortc1.16-whip"
    case aiortcViewer = "aiortc1.16-whep"
    case chromiumSendrecv = "chromium-sendrecv-h264"
    case chromiumViewer = "chromium-whep"
    case chromiumViewerMDNS = "chromium-whep-mdns"
    case chromiumPublisher = "chromium-whip"
    case chromiumSimulcast = "chromium-whip_simulcast"
    case ffmpegActive = "ffmpeg9.0.2-whip-dtls_active"
    case ffmpegPassive = "ffmpeg9.0.2-whip"
    case firefoxViewer = "firefox-whep"
    case obsSimulcast = "obs-whip-simulcast"
    case obs = "obs-whip"
    case pionViewer = "pion3.1.56-whep"

    static let publishers = allCases.filter { $0.rawValue.contains("-whip") || $0 == .chromiumSendrecv }
    static let viewers = allCases.filter { $0.rawValue.contains("-whep") || $0 == .chromiumSendrecv }

    var text: String {
        get throws {
            let url = try #require(
                Bundle.module.url(forResource: rawValue, withExtension: "sdp", subdirectory: "Offers"))
            return String(decoding: try Data(contentsOf: url), as: UTF8.self)
        }
    }
}

func offer(_ text: String) throws -> Offer {
    try Offer(SessionDescription(parsing: Array(text.utf8)))
}

func publish(_ text: String) throws -> Negotiation {
    try Negotiation(publisherOffer: offer(text))
}

func view(_ text: String, _ published: PublishedMedia = room()) throws -> Negotiation {
    var negotiation = try Negotiation(viewerOffer: offer(text), publisher: published)
    var random = SplitMix64(seed: 1)
    negotiation.assignSSRCs(using: &random)
    return negotiation
}

/// What a room has, by default Opus and Constrained Baseline with fragments.
func room(audio: Bool = true, video: String? = "42e01f", mode: Int = 1) -> PublishedMedia {
    PublishedMedia(
        audio: audio ? PublishedMedia.Audio() : nil,
        video: video.flatMap(H264Profile.init(parsing:)).map {
            PublishedMedia.Video(profile: $0, packetizationMode: mode)
        })
}

func localDescription() throws -> LocalDescription {
    LocalDescription(
        sessionID: 7,
        credentials: try #require(ICECredentials(ufrag: "aaaa", password: "p234567890123456789012")),
        fingerprint: try #require(Fingerprint(.sha256, digest: Array(0..<32))),
        candidates: [
            Candidate(address: "203.0.113.9", port: 5004), Candidate(address: "2001:db8::9", port: 5004),
        ], cname: "cname", streamID: "room")
}

extension Negotiation {
    func answerText() throws -> String { answer(try localDescription()) }

    func medium(_ kind: MediaKind) throws -> NegotiatedMedia {
        try #require(media.first { $0.kind == kind })
    }
}

extension SessionDescription.Media {
    func values(_ name: String) -> [String] { attributes.filter { $0.name == name }.map(\.value) }
    func has(_ name: String) -> Bool { attributes.contains { $0.name == name } }
}

extension String {
    func replacing(_ pairs: KeyValuePairs<String, String>) throws -> String {
        var text = self
        for (old, new) in pairs {
            try #require(text.contains(old), "the offer has \(old)")
            text = text.replacingOccurrences(of: old, with: new)
        }
        return text
    }

    /// Without the lines that begin so.
    func dropping(_ prefixes: String...) -> String {
        lines.filter { line in !prefixes.contains { line.hasPrefix($0) } }.map { $0 + "\r\n" }.joined()
    }

    var lines: [String] { components(separatedBy: "\r\n").filter { !$0.isEmpty } }
}

/// A small generator with a known sequence.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// The fewest lines that a viewer or a publisher gets by with.
func minimalOffer(
    direction: String = "sendonly", audio: String = "", video: String = "", session: String = ""
) -> String {
    """
    v=0
    o=- 1 1 IN IP6 ::1
    s= \nt=0 0
    a=group:BUNDLE a v
    a=ice-ufrag:abcd
    a=ice-pwd:abcdefghijklmnopqrstuv
    a=fingerprint:sha-256 \(String(repeating: "AB:", count: 31))AB
    a=setup:actpass
    \(session)
    m=audio 9 UDP/TLS/RTP/SAVPF 111
    a=mid:a
    a=\(direction)
    a=rtcp-mux
    a=rtpmap:111 opus/48000/2
    \(audio)
    m=video 9 UDP/TLS/RTP/SAVPF 96
    a=mid:v
    a=\(direction)
    a=rtcp-mux
    a=rtpmap:96 H264/90000
    a=fmtp:96 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1
    \(video)
    """
}
