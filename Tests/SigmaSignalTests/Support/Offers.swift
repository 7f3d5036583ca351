/// Offers in the shape that real clients send, cut to what matters.
enum Offers {
    static let fingerprint =
        "BB:A2:47:42:23:25:C0:CB:89:8C:A0:1B:27:9F:12:5F:03:08:23:5F:2D:15:53:A5:64:DD:6D:74:07:C3:78:15"

    /// As OBS offers.
    static let publisher = """
        v=0
        o=rtc 542270892 0 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1
        a=fingerprint:sha-256 \(fingerprint)
        a=setup:actpass
        a=ice-ufrag:s20O
        a=ice-pwd:brPNvtsdJjINFYKk8pbVgo
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        c=IN IP4 0.0.0.0
        a=mid:0
        a=sendonly
        a=ssrc:305419896 cname:abcdefghijklmnop
        a=msid:ABCD ABCD-audio
        a=rtcp-mux
        a=rtpmap:111 opus/48000/2
        a=fmtp:111 minptime=10;useinbandfec=1
        m=video 9 UDP/TLS/RTP/SAVPF 96
        c=IN IP4 0.0.0.0
        a=mid:1
        a=sendonly
        a=ssrc:305419897 cname:abcdefghijklmnop
        a=msid:ABCD ABCD-video
        a=rtcp-mux
        a=rtpmap:96 H264/90000
        a=rtcp-fb:96 nack
        a=rtcp-fb:96 nack pli
        a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1

        """.replacing("\n", with: "\r\n")

    /// As browsers offer.
    static let viewer =
        publisher
        .replacing("a=sendonly", with: "a=recvonly")
        .replacing("a=ssrc:305419896 cname:abcdefghijklmnop\r\n", with: "")
        .replacing("a=ssrc:305419897 cname:abcdefghijklmnop\r\n", with: "")
        .replacing("a=msid:ABCD ABCD-audio\r\n", with: "")
        .replacing("a=msid:ABCD ABCD-video\r\n", with: "")
}
