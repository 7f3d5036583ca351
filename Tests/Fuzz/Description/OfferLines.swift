/// Writes an offer from the octets of an input: each chooses a line, and what follows it the numbers in it.
///
/// Mutations of text rarely leave an offer that reaches the negotiation; each of these does.
func offerText(_ input: UnsafeRawBufferPointer) -> [UInt8] {
    var text = head
    text.reserveCapacity(2_048)
    var octets = input.makeIterator()
    var lines = 0
    while lines < 40, let octet = octets.next() {
        for character in offerLines[Int(octet) % offerLines.count] {
            if character == UInt8(ascii: "%") {
                text += numbers[Int(octets.next() ?? 0)]
            } else {
                text.append(character)
            }
        }
        lines += 1
    }
    return text
}

private let numbers = (0...255).map { Array(String($0).utf8) }

private let digest = Array(repeating: "AB", count: 32).joined(separator: ":")

private let head = Array("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".utf8)

/// `%` is a number of the input's.
private let offerLines = (sections + attributes + fingerprints).map { Array("\($0)\r\n".utf8) }

private let fingerprints = [
    "a=fingerprint:sha-256 \(digest)", "a=fingerprint:SHA-256 \(digest.lowercased())",
    "a=fingerprint:sha-1 \(digest)", "a=fingerprint:sha-512 \(digest):\(digest)",
]

private let sections = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 111 % % %",
    "m=audio 0 UDP/TLS/RTP/SAVPF 111",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=video 9 UDP/TLS/RTP/SAVPF 96 % % % %",
    "m=video % UDP/TLS/RTP/SAVPF %",
    "m=video 9 TCP/TLS/RTP/SAVPF 96", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "m=text % RTP/AVP %",
]

private let attributes = [
    "a=group:BUNDLE 0 1", "a=group:BUNDLE % % %", "a=group:BUNDLE", "a=group:LS 0 1", "a=bundle-only",
    "a=mid:0", "a=mid:1", "a=mid:%", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-ufrag:%",
    "a=ice-pwd:%", "a=ice-options:trickle", "a=ice-lite", "a=setup:actpass", "a=setup:active",
    "a=setup:passive",
    "a=setup:holdconn", "a=sendonly", "a=recvonly", "a=sendrecv", "a=inactive", "a=rtcp-mux", "a=rtcp-rsize",
    "a=rtcp-mux-only", "a=rtpmap:111 opus/48000/2", "a=rtpmap:% opus/48000/2", "a=rtpmap:% opus/48000/%",
    "a=fmtp:111 minptime=10;useinbandfec=1;stereo=%", "a=rtpmap:96 H264/90000", "a=rtpmap:% H264/90000",
    "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=fmtp:% apt=%", "a=rtpmap:% VP8/90000",
    "a=rtpmap:% red/90000",
    "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1",
    "a=fmtp:96 packetization-mode=%;profile-level-id=64001f", "a=fmtp:% profile-level-id=42001f",
    "a=fmtp:96 profile-level-id=%;packetization-mode=1", "a=rtcp-fb:* nack pli", "a=rtcp-fb:96 ccm fir",
    "a=rtcp-fb:% nack", "a=rtcp-fb:% goog-remb", "a=rtcp-fb:% transport-cc",
    "a=extmap:% urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:%/recvonly urn:3gpp:video-orientation",
    "a=extmap:%/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=extmap:% urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "a=extmap:% http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", "a=extmap-allow-mixed",
    "a=ssrc:% cname:a", "a=ssrc:% msid:a b", "a=ssrc:%", "a=ssrc-group:FID % %", "a=ssrc-group:SIM % % %",
    "a=rid:a send", "a=rid:b send pt=%", "a=rid:% recv", "a=simulcast:send a;b;~%", "a=simulcast:recv a",
    "a=msid:- %", "a=candidate:1 1 udp 2122260223 192.0.2.% 50000 typ host",
    "a=candidate:1 1 tcp % 192.0.2.1 9 typ host tcptype active", "a=end-of-candidates", "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0", "a=maxptime:%", "a=x%", "b=AS:%",
]
