package main

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v3"
)

// keyframePause is the least time between two keyframe requests to a publisher, as Sigma has it.
const keyframePause = 500 * time.Millisecond

// room is one publisher and the tracks that its viewers share.
type room struct {
	publisher *webrtc.PeerConnection

	lock           sync.Mutex
	tracks         []*webrtc.TrackLocalStaticRTP
	videoSSRC      uint32
	lastKeyframeAt time.Time
}

// publish makes the peer the one publisher of the room; an earlier one is sent away.
func (s *server) publish(name string, peer *webrtc.PeerConnection) error {
	room := &room{publisher: peer}
	s.lock.Lock()
	earlier := s.rooms[name]
	s.rooms[name] = room
	s.lock.Unlock()
	if earlier != nil {
		earlier.publisher.Close()
	}
	peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { room.forward(track) })
	return nil
}

// forward hands every packet of a track to all viewers of it, until the publisher leaves.
func (r *room) forward(remote *webrtc.TrackRemote) {
	local, err := webrtc.NewTrackLocalStaticRTP(
		remote.Codec().RTPCodecCapability, remote.Kind().String(), "pion")
	if err != nil {
		return
	}
	r.lock.Lock()
	r.tracks = append(r.tracks, local)
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		r.videoSSRC = uint32(remote.SSRC())
	}
	r.lock.Unlock()
	buffer := make([]byte, 1500)
	for {
		count, _, err := remote.Read(buffer)
		if err != nil {
			return
		}
		// One viewer that cannot be written to is no reason to end the others.
		_, _ = local.Write(buffer[:count])
	}
}

// watch gives the peer the tracks of the room.
func (s *server) watch(name string, peer *webrtc.PeerConnection) error {
	s.lock.Lock()
	room := s.rooms[name]
	s.lock.Unlock()
	if room == nil {
		return errNoPublisher
	}
	room.lock.Lock()
	tracks := append([]*webrtc.TrackLocalStaticRTP(nil), room.tracks...)
	room.lock.Unlock()
	if len(tracks) == 0 {
		return errNoPublisher
	}
	for _, track := range tracks {
		sender, err := peer.AddTrack(track)
		if err != nil {
			return err
		}
		go room.passKeyframeRequests(sender)
	}
	return nil
}

// passKeyframeRequests reads a viewer's RTCP, which also keeps the interceptors going.
func (r *room) passKeyframeRequests(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				r.requestKeyframe()
			}
		}
	}
}

func (r *room) requestKeyframe() {
	r.lock.Lock()
	ssrc := r.videoSSRC
	isDue := ssrc != 0 && time.Since(r.lastKeyframeAt) >= keyframePause
	if isDue {
		r.lastKeyframeAt = time.Now()
	}
	r.lock.Unlock()
	if isDue {
		_ = r.publisher.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
	}
}
