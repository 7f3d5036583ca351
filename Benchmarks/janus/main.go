// WHIP and WHEP in front of Janus' VideoRoom, which speaks neither, so that one load tool measures both servers.
//
// Only requests and session descriptions go through here; media and its encryption are between Janus and the client.
// POST /whip/{room} publishes, POST /whep/{room} watches, DELETE on the Location ends a session.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

const longestOffer = 64 << 10

// adapter has the rooms by name. A session's Location is the number of its handle in Janus.
type adapter struct {
	janus *janus

	lock  sync.Mutex
	rooms map[string]room
}

// room is Janus' number of it, and the number of the participant who publishes.
type room struct{ number, feed int64 }

var errNoPublisher = errors.New("nobody publishes in this room")

func main() {
	listen := flag.String("http", "127.0.0.1:8082", "address and port of HTTP")
	url := flag.String("janus", "http://127.0.0.1:8088/janus", "Janus' HTTP API")
	flag.Parse()
	janus, err := connect(*url)
	if err != nil {
		fail(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fail(err)
	}
	go func() { fail(janus.readEvents()) }()
	fmt.Println("ready")
	fail(http.Serve(listener, &adapter{janus: janus, rooms: map[string]room{}}))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "janus-adapter:", err)
	os.Exit(1)
}

// ServeHTTP knows /whip/{room}, /whep/{room} and /session/{handle}.
func (a *adapter) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	switch {
	case len(parts) == 2 && parts[0] == "whip" && request.Method == http.MethodPost:
		open(response, request, func(offer string) (int64, string, error) { return a.publish(parts[1], offer) })
	case len(parts) == 2 && parts[0] == "whep" && request.Method == http.MethodPost:
		open(response, request, func(offer string) (int64, string, error) { return a.watch(parts[1], offer) })
	case len(parts) == 2 && parts[0] == "session" && request.Method == http.MethodDelete:
		handle, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil || a.janus.detach(handle) != nil {
			http.NotFound(response, request)
		}
	default:
		http.NotFound(response, request)
	}
}

func open(
	response http.ResponseWriter, request *http.Request, negotiate func(string) (int64, string, error),
) {
	offer, err := io.ReadAll(io.LimitReader(request.Body, longestOffer))
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	handle, answer, err := negotiate(string(offer))
	if err != nil {
		status := http.StatusBadGateway
		if errors.Is(err, errNoPublisher) {
			status = http.StatusNotFound
		}
		http.Error(response, err.Error(), status)
		return
	}
	response.Header().Set("Content-Type", "application/sdp")
	response.Header().Set("Location", fmt.Sprintf("/session/%d", handle))
	response.WriteHeader(http.StatusCreated)
	io.WriteString(response, answer)
}

// publish is the plain case: the client offers, Janus answers.
func (a *adapter) publish(name, offer string) (int64, string, error) {
	number, err := a.roomNumber(name)
	if err != nil {
		return 0, "", err
	}
	handle, err := a.janus.attach()
	if err != nil {
		return 0, "", err
	}
	reply, err := a.janus.ask(handle, message{
		"request": "joinandconfigure", "ptype": "publisher", "room": number,
	}, &description{Type: "offer", SDP: offer})
	if err == nil && (reply.Data.ID == 0 || reply.Description == nil) {
		err = errors.New("Janus gave the publisher no answer")
	}
	if err != nil {
		_ = a.janus.detach(handle)
		return 0, "", err
	}
	a.lock.Lock()
	a.rooms[name] = room{number: number, feed: reply.Data.ID}
	a.lock.Unlock()
	return handle, reply.Description.SDP, nil
}

// watch has two offers, Janus' and the client's, and makes an answer to each out of the other (see swap).
func (a *adapter) watch(name, offer string) (int64, string, error) {
	a.lock.Lock()
	room := a.rooms[name]
	a.lock.Unlock()
	if room.feed == 0 {
		return 0, "", errNoPublisher
	}
	handle, err := a.janus.attach()
	if err != nil {
		return 0, "", err
	}
	answer, err := a.subscribe(handle, room, offer)
	if err != nil {
		_ = a.janus.detach(handle)
		return 0, "", err
	}
	return handle, answer, nil
}

func (a *adapter) subscribe(handle int64, room room, offer string) (string, error) {
	reply, err := a.janus.ask(handle, message{
		"request": "join", "ptype": "subscriber", "room": room.number,
		"streams": []message{{"feed": room.feed}},
	}, nil)
	if err != nil {
		return "", err
	}
	if reply.Description == nil {
		return "", errNoPublisher
	}
	toClient, toJanus, err := swap(offer, reply.Description.SDP)
	if err != nil {
		return "", err
	}
	_, err = a.janus.ask(handle, message{"request": "start"}, &description{Type: "answer", SDP: toJanus})
	return toClient, err
}

// roomNumber makes the room in Janus when it is new: no bandwidth limit, no header extensions, H.264 and Opus.
func (a *adapter) roomNumber(name string) (int64, error) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if known, exists := a.rooms[name]; exists {
		return known.number, nil
	}
	number := int64(len(a.rooms) + 1)
	handle, err := a.janus.attach()
	if err != nil {
		return 0, err
	}
	defer a.janus.detach(handle)
	_, err = a.janus.ask(handle, message{
		"request": "create", "room": number, "publishers": 1, "bitrate": 0, "fir_freq": 0,
		"audiocodec": "opus", "videocodec": "h264", "audiolevel_ext": false, "videoorient_ext": false,
		"playoutdelay_ext": false, "transport_wide_cc_ext": false,
	}, nil)
	if err != nil {
		return 0, err
	}
	a.rooms[name] = room{number: number}
	return number, nil
}
