package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long Janus may take to answer.
const patience = 10 * time.Second

type message map[string]any

// description is Janus' JSEP: a session description, complete or (Janus accepts it so) to be trickled.
type description struct {
	Type string `json:"type"`
	SDP  string `json:"sdp"`
}

// reply is any message of Janus', with the fields that are read here.
type reply struct {
	Kind        string `json:"janus"`
	Transaction string `json:"transaction"`
	Data        struct {
		ID int64 `json:"id"`
	} `json:"data"`
	Failure *struct {
		Reason string `json:"reason"`
	} `json:"error"`
	Plugin *struct {
		Data pluginData `json:"data"`
	} `json:"plugindata"`
	Description *description `json:"jsep"`
}

type pluginData struct {
	ID    int64  `json:"id"`
	Error string `json:"error"`
}

// answer is what VideoRoom said to a request.
type answer struct {
	Data        pluginData
	Description *description
}

// janus is one session of Janus' HTTP API. Requests of plugins are answered by events, which one long poll reads.
type janus struct {
	url     string
	client  http.Client
	counter atomic.Int64

	lock    sync.Mutex
	waiting map[string]chan reply
}

func connect(url string) (*janus, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	j := &janus{url: url, client: http.Client{Transport: transport}, waiting: map[string]chan reply{}}
	created, err := j.post(url, message{"janus": "create"})
	if err != nil {
		return nil, err
	}
	j.url = url + "/" + strconv.FormatInt(created.Data.ID, 10)
	return j, nil
}

// attach makes a handle: one peer connection of VideoRoom.
func (j *janus) attach() (int64, error) {
	made, err := j.post(j.url, message{"janus": "attach", "plugin": "janus.plugin.videoroom"})
	return made.Data.ID, err
}

func (j *janus) detach(handle int64) error {
	_, err := j.post(j.handleURL(handle), message{"janus": "detach"})
	return err
}

// ask sends a request to VideoRoom and waits for its answer, which comes at once or as an event.
func (j *janus) ask(handle int64, body message, jsep *description) (answer, error) {
	request := message{"janus": "message", "body": body}
	if jsep != nil {
		request["jsep"] = jsep
	}
	transaction := j.nextTransaction()
	request["transaction"] = transaction
	event := make(chan reply, 1)
	j.lock.Lock()
	j.waiting[transaction] = event
	j.lock.Unlock()
	defer func() {
		j.lock.Lock()
		delete(j.waiting, transaction)
		j.lock.Unlock()
	}()
	response, err := j.post(j.handleURL(handle), request)
	if err == nil && response.Kind == "ack" {
		select {
		case response = <-event:
		case <-time.After(patience):
			err = fmt.Errorf("no answer to %v in %v", body["request"], patience)
		}
	}
	if err != nil {
		return answer{}, err
	}
	if response.Failure != nil {
		return answer{}, fmt.Errorf("%v: %s", body["request"], response.Failure.Reason)
	}
	if response.Plugin == nil {
		return answer{}, fmt.Errorf("%v: Janus answered %s", body["request"], response.Kind)
	}
	if response.Plugin.Data.Error != "" {
		return answer{}, fmt.Errorf("%v: %s", body["request"], response.Plugin.Data.Error)
	}
	return answer{Data: response.Plugin.Data, Description: response.Description}, nil
}

// readEvents hands events to those who wait for them, until Janus is gone. The polls also keep the session alive.
func (j *janus) readEvents() error {
	for {
		response, err := j.client.Get(j.url + "?maxev=50")
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		// One event, or the keepalive after 30 s without any, is no array.
		if !bytes.HasPrefix(body, []byte("[")) {
			body = append(append([]byte("["), body...), ']')
		}
		var events []reply
		if err := json.Unmarshal(body, &events); err != nil {
			return fmt.Errorf("events: %w", err)
		}
		for _, event := range events {
			j.lock.Lock()
			waiting := j.waiting[event.Transaction]
			j.lock.Unlock()
			// A second event with the same number has nobody to go to.
			select {
			case waiting <- event:
			default:
			}
		}
	}
}

func (j *janus) post(url string, body message) (reply, error) {
	if body["transaction"] == nil {
		body["transaction"] = j.nextTransaction()
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	response, err := j.client.Post(url, "application/json", bytes.NewReader(encoded))
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	var read reply
	if err := json.NewDecoder(response.Body).Decode(&read); err != nil {
		return reply{}, fmt.Errorf("%v: %w", body["janus"], err)
	}
	if read.Failure != nil {
		return reply{}, fmt.Errorf("%v: %s", body["janus"], read.Failure.Reason)
	}
	return read, nil
}

func (j *janus) handleURL(handle int64) string { return j.url + "/" + strconv.FormatInt(handle, 10) }

func (j *janus) nextTransaction() string { return strconv.FormatInt(j.counter.Add(1), 10) }
