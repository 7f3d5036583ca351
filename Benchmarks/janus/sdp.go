package main

import (
	"errors"
	"fmt"
	"strings"
)

// section is one m-section, or what stands before the first.
type section struct {
	kind  string
	lines []string
}

// swap turns two offers into an answer to each.
//
// VideoRoom insists on offering to a subscriber, and a WHEP client offers too. Neither offer says anything that the
// other side could not have put into an answer: each has ICE credentials, a fingerprint and the codecs. So the answer
// to the client is made of Janus' transport with the client's mids, and the answer to Janus of the client's transport
// with Janus' mids. Three things have to be decided for both:
//
//   - DTLS: both say actpass; the client is told passive and Janus active, so the client sends the ClientHello.
//   - Payload types: Janus keeps its own, so they stand in the answer to the client, whether or not its offer had
//     them. It is the client of the benchmark, which takes the payload types of the answer.
//   - Header extensions: none in either answer, since the MIDs in them would be Janus'.
//
// ICE needs nothing: Janus is lite, the client checks and nominates.
func swap(clientOffer, janusOffer string) (toClient, toJanus string, err error) {
	client, janus := parse(clientOffer), parse(janusOffer)
	toClient, err = answerTo(client, janus, "sendonly", "passive")
	if err != nil {
		return "", "", err
	}
	toJanus, err = answerTo(janus, client, "recvonly", "active")
	return toClient, toJanus, err
}

// answerTo has the m-sections of offer, in its order and with its mids, filled from source.
func answerTo(offer, source []section, direction, setup string) (string, error) {
	lines := []string{"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"}
	var bundled []string
	var sections []string
	for _, wanted := range offer[1:] {
		mid := wanted.first("mid:")
		found := find(source, wanted.kind)
		if found == nil {
			sections = append(sections, "m="+wanted.kind+" 0 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 0.0.0.0",
				"a=inactive", "a=mid:"+mid)
			continue
		}
		bundled = append(bundled, mid)
		filled, err := fill(wanted, *found, source[0], direction, setup)
		if err != nil {
			return "", err
		}
		sections = append(sections, filled...)
	}
	if len(bundled) == 0 {
		return "", errors.New("the offers have no kind of media in common")
	}
	lines = append(lines, "a=group:BUNDLE "+strings.Join(bundled, " "))
	for _, line := range source[0].lines {
		if line == "a=ice-lite" {
			lines = append(lines, line)
		}
	}
	return strings.Join(append(lines, sections...), "\r\n") + "\r\n", nil
}

// fill writes one accepted m-section: the media of Janus, whichever side it is, and the transport of source.
func fill(wanted, source, session section, direction, setup string) ([]string, error) {
	media := wanted
	if direction == "sendonly" {
		media = source
	}
	payloadType := media.payloadType()
	lines := []string{
		fmt.Sprintf("m=%s 9 UDP/TLS/RTP/SAVPF %s", wanted.kind, payloadType), "c=IN IP4 0.0.0.0",
		"a=mid:" + wanted.first("mid:"), "a=" + direction, "a=rtcp-mux", "a=setup:" + setup,
	}
	for _, name := range []string{"ice-ufrag:", "ice-pwd:", "fingerprint:"} {
		value := source.first(name)
		if value == "" {
			value = session.first(name)
		}
		if value == "" {
			return nil, errors.New("an offer has no " + strings.TrimSuffix(name, ":"))
		}
		lines = append(lines, "a="+name+value)
	}
	for _, name := range []string{"rtpmap:", "fmtp:", "rtcp-fb:"} {
		for _, value := range media.all(name) {
			if strings.HasPrefix(value, payloadType+" ") {
				lines = append(lines, "a="+name+value)
			}
		}
	}
	for _, name := range []string{"ssrc:", "candidate:"} {
		for _, value := range source.all(name) {
			lines = append(lines, "a="+name+value)
		}
	}
	return lines, nil
}

func parse(text string) []section {
	sections := []section{{}}
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if strings.HasPrefix(line, "m=") {
			kind, _, _ := strings.Cut(line[2:], " ")
			sections = append(sections, section{kind: kind})
		}
		last := &sections[len(sections)-1]
		last.lines = append(last.lines, line)
	}
	return sections
}

func find(sections []section, kind string) *section {
	for index := range sections[1:] {
		if sections[index+1].kind == kind {
			return &sections[index+1]
		}
	}
	return nil
}

// all are the values of one attribute, whose name ends with the colon.
func (s section) all(name string) []string {
	var values []string
	for _, line := range s.lines {
		if strings.HasPrefix(line, "a="+name) {
			values = append(values, line[2+len(name):])
		}
	}
	return values
}

func (s section) first(name string) string {
	for _, value := range s.all(name) {
		return value
	}
	return ""
}

// payloadType is the preferred one of the m-line.
func (s section) payloadType() string {
	fields := strings.Fields(s.lines[0])
	if len(fields) < 4 {
		return "0"
	}
	return fields[3]
}
