// A small WebRTC forwarder on Pion, with WHIP and WHEP as Sigma has them: what tools/bench compares with.
//
// POST /whip/{room} publishes, POST /whep/{room} watches, DELETE on the Location ends a session. Everything that is
// forwarded goes through TrackLocalStaticRTP, as in Pion's own examples.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/pion/webrtc/v3"
)

const longestOffer = 64 << 10

// server has the rooms by name and the sessions by the last part of their Location.
type server struct {
	api *webrtc.API

	lock     sync.Mutex
	rooms    map[string]*room
	sessions map[string]*webrtc.PeerConnection
}

func main() {
	options := options{}
	listen := flag.String("http", "127.0.0.1:8081", "address and port of HTTP")
	flag.StringVar(&options.address, "address", "127.0.0.1", "address of the host candidate")
	flag.IntVar(&options.port, "udp", 0, "the one UDP port of all media; 0: a port for each session")
	flag.StringVar(&options.interceptors, "interceptors", "default",
		"default: reports, NACK and transport-cc, as Pion registers them; none: only forward")
	flag.Parse()
	api, err := options.newAPI()
	if err != nil {
		fail(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fail(err)
	}
	server := &server{api: api, rooms: map[string]*room{}, sessions: map[string]*webrtc.PeerConnection{}}
	fmt.Println("ready")
	fail(http.Serve(listener, server))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "pion:", err)
	os.Exit(1)
}

// ServeHTTP knows /whip/{room}, /whep/{room} and /session/{id}.
func (s *server) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	switch {
	case len(parts) == 2 && parts[0] == "whip" && request.Method == http.MethodPost:
		s.open(response, request, func(peer *webrtc.PeerConnection) error { return s.publish(parts[1], peer) })
	case len(parts) == 2 && parts[0] == "whep" && request.Method == http.MethodPost:
		s.open(response, request, func(peer *webrtc.PeerConnection) error { return s.watch(parts[1], peer) })
	case len(parts) == 2 && parts[0] == "session" && request.Method == http.MethodDelete:
		s.end(parts[1])
	default:
		http.NotFound(response, request)
	}
}

var errNoPublisher = errors.New("nobody publishes in this room")

// open answers an offer; prepare gives the new peer its tracks before that.
func (s *server) open(
	response http.ResponseWriter, request *http.Request, prepare func(*webrtc.PeerConnection) error,
) {
	offer, err := io.ReadAll(io.LimitReader(request.Body, longestOffer))
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	peer, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	answer, err := negotiate(peer, string(offer), prepare)
	if err != nil {
		peer.Close()
		status := http.StatusBadRequest
		if errors.Is(err, errNoPublisher) {
			status = http.StatusNotFound
		}
		http.Error(response, err.Error(), status)
		return
	}
	id := s.remember(peer)
	response.Header().Set("Content-Type", "application/sdp")
	response.Header().Set("Location", "/session/"+id)
	response.WriteHeader(http.StatusCreated)
	io.WriteString(response, answer)
}

// negotiate returns the answer, all candidates in it.
func negotiate(
	peer *webrtc.PeerConnection, offer string, prepare func(*webrtc.PeerConnection) error,
) (string, error) {
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := prepare(peer); err != nil {
		return "", err
	}
	if err := peer.SetRemoteDescription(description); err != nil {
		return "", err
	}
	answer, err := peer.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(answer); err != nil {
		return "", err
	}
	<-gathered
	return peer.LocalDescription().SDP, nil
}

// remember keeps the session until it ends by itself or by DELETE.
func (s *server) remember(peer *webrtc.PeerConnection) string {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		fail(err)
	}
	id := hex.EncodeToString(random)
	s.lock.Lock()
	s.sessions[id] = peer
	s.lock.Unlock()
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			s.end(id)
		}
	})
	return id
}

func (s *server) end(id string) {
	s.lock.Lock()
	peer := s.sessions[id]
	delete(s.sessions, id)
	s.lock.Unlock()
	if peer != nil {
		peer.Close()
	}
}
