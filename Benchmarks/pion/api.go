package main

import (
	"net"
	"time"

	"github.com/pion/dtls/v2"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v3"
)

// options are those of the command line that the media side reads.
type options struct {
	address      string
	port         int
	interceptors string
}

// newAPI sets Pion up as Sigma is: ICE-lite, one host candidate, AES-GCM first, Opus and H.264.
func (o options) newAPI() (*webrtc.API, error) {
	settings := webrtc.SettingEngine{}
	settings.SetLite(true)
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	address := net.ParseIP(o.address)
	settings.SetIPFilter(func(candidate net.IP) bool { return candidate.Equal(address) })
	settings.SetSRTPProtectionProfiles(
		dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	// A lite agent only hears checks, which come every 5 s.
	settings.SetICETimeouts(15*time.Second, 30*time.Second, 2*time.Second)
	if o.port != 0 {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: address, Port: o.port})
		if err != nil {
			return nil, err
		}
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket))
	}
	media, err := newMediaEngine()
	if err != nil {
		return nil, err
	}
	registry := &interceptor.Registry{}
	if o.interceptors == "default" {
		if err := webrtc.RegisterDefaultInterceptors(media, registry); err != nil {
			return nil, err
		}
	}
	return webrtc.NewAPI(
		webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(registry)), nil
}

func newMediaEngine() (*webrtc.MediaEngine, error) {
	media := &webrtc.MediaEngine{}
	opus := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
			SDPFmtpLine: "minptime=10;useinbandfec=1",
		},
		PayloadType: 111,
	}
	if err := media.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	feedback := []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack", Parameter: "pli"}}
	for index, profile := range []string{"42e01f", "42001f", "4d001f", "64001f"} {
		h264 := webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeH264, ClockRate: 90000, RTCPFeedback: feedback,
				SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile,
			},
			PayloadType: webrtc.PayloadType(102 + 2*index),
		}
		if err := media.RegisterCodec(h264, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, err
		}
	}
	return media, nil
}
