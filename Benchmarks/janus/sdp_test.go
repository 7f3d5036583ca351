package main

import (
	"strings"
	"testing"
)

const clientOffer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v a\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 104 102\r\na=ice-ufrag:cu\r\na=ice-pwd:cp\r\na=fingerprint:sha-256 CC\r\n" +
	"a=setup:actpass\r\na=mid:v\r\na=recvonly\r\na=rtpmap:104 H264/90000\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:cu\r\na=ice-pwd:cp\r\na=fingerprint:sha-256 CC\r\na=mid:a\r\n"

const janusOffer = "v=0\r\no=- 3 1 IN IP4 192.0.2.1\r\ns=room\r\nt=0 0\r\na=ice-lite\r\na=fingerprint:sha-256 JJ\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:ju\r\na=ice-pwd:jp\r\na=ssrc:7 cname:j\r\n" +
	"a=candidate:1 1 udp 1 192.0.2.1 4000 typ host\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=mid:1\r\na=ice-ufrag:ju\r\na=ice-pwd:jp\r\na=rtpmap:102 H264/90000\r\n"

func TestSwap(t *testing.T) {
	toClient, toJanus, err := swap(clientOffer, janusOffer)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, toClient, "a=ice-lite", "a=group:BUNDLE v a", "m=video 9 UDP/TLS/RTP/SAVPF 102", "a=ice-ufrag:ju",
		"a=fingerprint:sha-256 JJ", "a=setup:passive", "a=candidate:1 1 udp", "a=ssrc:7", "a=sendonly")
	expect(t, toJanus, "a=group:BUNDLE 0 1", "m=video 9 UDP/TLS/RTP/SAVPF 102", "a=ice-ufrag:cu",
		"a=fingerprint:sha-256 CC", "a=setup:active", "a=recvonly")
	if strings.Contains(toJanus, "104") || strings.Index(toClient, "m=video") > strings.Index(toClient, "m=audio") {
		t.Error("payload types are Janus', the order is the offerer's")
	}
}

func TestSwapRefusesAnOfferWithoutTransport(t *testing.T) {
	if _, _, err := swap("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", janusOffer); err == nil {
		t.Error("no error")
	}
}

func expect(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}
