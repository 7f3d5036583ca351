import Foundation
import SigmaSDP
import Testing

@Suite("Transport of an offer: RFC 8839, RFC 8122, RFC 8842, RFC 9143")
struct TransportTests {
    private static let fingerprint = "a=fingerprint:sha-256 \(String(repeating: "AB:", count: 31))AB"

    @Test func `finds credentials, fingerprint and setup at either level, media first (RFC 8839 §5.4)`()
        throws
    {
        let session = try publish(minimalOffer())
        #expect(session.credentials == ICECredentials(ufrag: "abcd", password: "abcdefghijklmnopqrstuv"))
        #expect(session.dtlsRole == .server)
        let media = try publish(
            minimalOffer(
                audio: """
                    a=ice-ufrag:zzzz
                    a=ice-pwd:zyxwvutsrqponmlkjihgfe
                    a=fingerprint:SHA-256 \(String(repeating: "cd:", count: 31))Cd
                    a=setup:PASSIVE
                    """))
        #expect(media.credentials == ICECredentials(ufrag: "zzzz", password: "zyxwvutsrqponmlkjihgfe"))
        #expect(media.fingerprints.map(\.digest) == [[UInt8](repeating: 0xcd, count: 32)])
        #expect(media.dtlsRole == .client)
    }

    @Test func `takes the transport of the first bundled section that is not rejected (RFC 9143 §7.3)`()
        throws
    {
        let text = minimalOffer(
            direction: "recvonly", audio: "a=ice-ufrag:audio", video: "a=ice-ufrag:video\na=setup:active")
        #expect(try view(text).credentials.ufrag == "audio")
        #expect(try view(text, room(audio: false)).credentials.ufrag == "audio")
        let disabled = try text.replacing(["m=audio 9": "m=audio 0"])
        #expect(try view(disabled).credentials.ufrag == "video")
        #expect(try view(text.replacing(["BUNDLE a v": "BUNDLE v a"])).credentials.ufrag == "video")
    }

    @Test func `takes it from another section where the first has none, as bundle-only need not`() throws {
        let transport = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\n\(Self.fingerprint)\n"
        let text = try minimalOffer(video: transport).replacing([
            transport + "a=setup": "a=setup", "m=audio 9": "m=audio 0", "a=mid:a": "a=mid:a\na=bundle-only",
        ])
        #expect(try publish(text).credentials.ufrag == "abcd")
    }

    @Test func `reports what no section has`() throws {
        #expect(throws: NegotiationError.missingICECredentials) {
            try publish(minimalOffer().replacing(["a=ice-ufrag:abcd\n": ""]))
        }
        #expect(throws: NegotiationError.missingICECredentials) {
            try publish(minimalOffer().replacing(["a=ice-pwd:abcdefghijklmnopqrstuv\n": ""]))
        }
        #expect(throws: NegotiationError.missingFingerprint) {
            try publish(
                minimalOffer(audio: "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA").replacing([
                    Self.fingerprint + "\n": ""
                ]))
        }
    }

    @Test(arguments: [3, 4, 256, 257])
    func `holds ufrag to 4 to 256 ice-chars (RFC 8839 §5.4)`(length: Int) throws {
        let text = try minimalOffer().replacing(["abcd\n": String(repeating: "x", count: length) + "\n"])
        if 4...256 ~= length {
            #expect(try publish(text).credentials.ufrag.count == length)
        } else {
            #expect(throws: NegotiationError.malformedAttribute(line: 6)) { try publish(text) }
        }
    }

    @Test(arguments: [21, 22, 256, 257])
    func `holds the password to 22 to 256 ice-chars (RFC 8839 §5.4)`(length: Int) throws {
        let text = try minimalOffer().replacing([
            "abcdefghijklmnopqrstuv": String(repeating: "+", count: length)
        ])
        if 22...256 ~= length {
            #expect(try publish(text).credentials.password.count == length)
        } else {
            #expect(throws: NegotiationError.malformedAttribute(line: 7)) { try publish(text) }
        }
    }

    @Test(arguments: ["ab c", "abc-", "äbcd", "abc="])
    func `refuses other characters in a ufrag (RFC 8839 §5.1)`(ufrag: String) throws {
        #expect(throws: NegotiationError.malformedAttribute(line: 6)) {
            try publish(minimalOffer().replacing([":abcd\n": ":\(ufrag)\n"]))
        }
    }

    @Test func `does not print the password`() throws {
        let credentials = try publish(minimalOffer()).credentials
        for text in ["\(credentials)", String(reflecting: credentials), String(describing: [credentials])] {
            #expect(text.contains("abcd") && !text.contains("abcdefgh"))
        }
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!dumped.contains("abcdefgh"))
    }

    @Test func `keeps all fingerprints of the strongest hash, no others (RFC 8122 §5)`() throws {
        let sha512 = (1...2).map { "sha-512 " + Array(repeating: "0\($0)", count: 64).joined(separator: ":") }
        let negotiation = try publish(
            minimalOffer(
                session: """
                    a=fingerprint:sha-1 \(Array(repeating: "AA", count: 20).joined(separator: ":"))
                    a=fingerprint:\(sha512[0])
                    a=fingerprint:\(sha512[1])
                    a=fingerprint:\(sha512[1])
                    a=fingerprint:md2 junk
                    """))
        #expect(negotiation.fingerprints.map(\.text) == sha512)
    }

    @Test(arguments: [
        "sha-1 \(Array(repeating: "AA", count: 20).joined(separator: ":"))", "md5 00", "sha-224 1",
    ])
    func `refuses weak hashes alone`(fingerprint: String) throws {
        #expect(throws: NegotiationError.weakFingerprint) {
            try publish(minimalOffer().replacing([Self.fingerprint: "a=fingerprint:\(fingerprint)"]))
        }
    }

    @Test(arguments: [
        "sha-256", "sha-256 AB", "sha-256 \(String(repeating: "AB:", count: 31))A", "sha-512 AB:AB",
    ])
    func `refuses a fingerprint that does not parse (RFC 8122 §5)`(fingerprint: String) throws {
        #expect(throws: NegotiationError.malformedAttribute(line: 8)) {
            try publish(minimalOffer().replacing([Self.fingerprint: "a=fingerprint:\(fingerprint)"]))
        }
    }

    @Test(arguments: [("actpass", DTLSRole.server), ("active", .server), ("passive", .client)])
    func `answers each setup with its counterpart (RFC 8842 §5.3)`(setup: String, role: DTLSRole) throws {
        let negotiation = try publish(minimalOffer().replacing(["a=setup:actpass": "a=setup:\(setup)"]))
        #expect(negotiation.dtlsRole == role)
        #expect(
            try negotiation.answerText().contains("a=setup:\(role == .server ? "passive" : "active")\r\n"))
    }

    @Test func `takes a missing setup for a free choice, refuses holdconn`() throws {
        #expect(try publish(minimalOffer().replacing(["a=setup:actpass\n": ""])).dtlsRole == .server)
        #expect(throws: NegotiationError.setup("holdconn")) {
            try publish(minimalOffer().replacing(["actpass": "holdconn"]))
        }
    }

    @Test func `needs every section in the bundle (RFC 9725 §4.4.1)`() throws {
        #expect(throws: NegotiationError.notBundled(mid: "a")) {
            try publish(minimalOffer().replacing(["a=group:BUNDLE a v\n": ""]))
        }
        #expect(throws: NegotiationError.notBundled(mid: "v")) {
            try publish(minimalOffer().replacing(["BUNDLE a v": "BUNDLE a x"]))
        }
        #expect(throws: NegotiationError.notBundled(mid: "v")) {
            try publish(minimalOffer().replacing(["BUNDLE a v": "BUNDLE a\na=group:BUNDLE v"]))
        }
    }

    @Test func `needs rtcp-mux in one accepted section (RFC 5761 §5.1.1)`() throws {
        let text = minimalOffer()
        let none = text.replacingOccurrences(of: "a=rtcp-mux\n", with: "")
        #expect(throws: NegotiationError.noRTCPMux) { try publish(none) }
        let mid = try none.replacing(["a=mid:v": "a=mid:v\na=rtcp-mux"])
        #expect(throws: Never.self) { try publish(mid) }
        #expect(throws: Never.self) { try publish(none.replacing(["a=mid:v": "a=mid:v\na=rtcp-mux-only"])) }
    }

    @Test func `speaks DTLS-SRTP over UDP only`() throws {
        for proto in ["UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"] {
            let negotiation = try publish(minimalOffer().replacing(["UDP/TLS/RTP/SAVPF": proto]))
            #expect(try negotiation.answerText().contains("m=audio 5004 \(proto) 111\r\n"))
        }
        for proto in ["TCP/DTLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/AVP", "RTP/AVPF", "UDP"] {
            #expect(throws: NegotiationError.transportProtocol(proto)) {
                try publish(minimalOffer().replacing(["UDP/TLS/RTP/SAVPF": proto]))
            }
        }
    }

    @Test func `refuses a lite peer, which sends no checks (RFC 8445 §6.1.1)`() throws {
        #expect(throws: NegotiationError.icePeerIsLite) { try publish(minimalOffer(session: "a=ice-lite")) }
    }

    @Test func `takes any token for a mid, up to what is kept (RFC 9143 §14)`() throws {
        for mid in ["audio", "{0!#$}", "-", String(repeating: "m", count: 16)] {
            let text = try minimalOffer().replacing(["BUNDLE a": "BUNDLE \(mid)", "mid:a": "mid:\(mid)"])
            let negotiation = try publish(text)
            #expect(negotiation.media.first?.mid == mid)
            #expect(inconsistencies(of: try negotiation.answerText(), with: text) == [])
        }
        let long = String(repeating: "m", count: 17)
        #expect(throws: NegotiationError.midTooLong(long)) {
            try publish(minimalOffer().replacing(["BUNDLE a": "BUNDLE \(long)", "mid:a": "mid:\(long)"]))
        }
        #expect(throws: NegotiationError.malformedAttribute(line: 12)) {
            try publish(minimalOffer().replacing(["mid:a": "mid:a b"]))
        }
        #expect(throws: NegotiationError.missingMid(section: 0)) {
            try publish(minimalOffer().replacing(["a=mid:a": "a=mud:a"]))
        }
        #expect(throws: NegotiationError.duplicateMid("a")) {
            try publish(minimalOffer().replacing(["a=mid:v": "a=mid:a"]))
        }
    }

    @Test func `every error has a name and a sentence`() throws {
        let profile = try #require(H264Profile(parsing: "64001f"))
        let errors: [NegotiationError] = [
            .noMedia, .missingMid(section: 1), .duplicateMid("x"), .malformedAttribute(line: 3),
            .missingICECredentials, .missingFingerprint, .midTooLong("x"), .weakFingerprint, .icePeerIsLite,
            .setup("x"), .notBundled(mid: "x"), .noRTCPMux, .transportProtocol("x"),
            .direction(.inactive, mid: "x", role: .viewer), .tooManyTracks(.audio), .tooManyStreams,
            .unsupportedMedia("x"), .noCommonCodec(.audio), .noCommonCodec(.video), .reservedPayloadType(72),
            .noCommonProfile(published: profile, packetizationMode: 1), .tooManyLayers, .noMatchingMedia,
        ]
        #expect(errors.filter(\.isMalformed).count == 6)
        for error in errors {
            #expect(error.detail.hasSuffix(".") && error.detail.count > 20)
            #expect(error.problem.utf8.allSatisfy { $0 == 0x2d || 0x61...0x7a ~= $0 || 0x30...0x39 ~= $0 })
        }
    }
}
