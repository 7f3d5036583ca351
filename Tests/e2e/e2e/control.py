"""A client of the control protocol: the framing and as much of protobuf as a snapshot needs.

Written by hand, so that the tests read the wire and not our own generated code.
"""

import pathlib
import socket

ROLES = {1: "publisher", 2: "viewer"}
STATES = {1: "connecting", 2: "securing", 3: "connected", 4: "disconnected"}
EVENTS = {
    10: "connected", 11: "disconnected", 12: "reconnected", 13: "ended", 14: "publisher_live", 15: "publisher_gone",
    16: "track_known", 17: "keyframe_interval", 18: "layer_switched", 19: "gap", 20: "anchored", 21: "track_trouble",
}


def varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def number_field(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def octets_field(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def raw_fields(message: bytes):
    """Each field of a message as (number, wire type, its octets on the wire, its value)."""
    position = 0

    def read_varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            octet = message[position]
            position += 1
            value |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                return value

    while position < len(message):
        start = position
        key = read_varint()
        match key & 7:
            case 0:
                value = read_varint()
            case 1 | 5 as fixed:
                length = 8 if fixed == 1 else 4
                value = message[position:position + length]
                position += length
            case 2:
                length = read_varint()
                value = message[position:position + length]
                position += length
            case other:
                raise AssertionError(f"wire type {other}")
        yield key >> 3, key & 7, message[start:position], value


def fields(message: bytes) -> dict[int, list]:
    """The fields of a message, by number: ints and octets, in the order of the wire."""
    found: dict[int, list] = {}
    for number, _, _, value in raw_fields(message):
        found.setdefault(number, []).append(value)
    return found


class ControlClient:
    """Says hello on entering; one request at a time."""

    #: What its hello says beside version and name.
    _greeting = b""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def __enter__(self) -> "ControlClient":
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(5)
        self.socket.connect(str(self.path))
        self.send(octets_field(2, number_field(1, 1) + octets_field(2, b"e2e") + self._greeting))
        answer = self.receive()
        assert 2 in answer, f"the first message is no hello: {answer}"
        self.hello = fields(answer[2][0])
        assert self.hello[1] == [1], f"protocol version {self.hello}"
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, message: bytes):
        self.socket.sendall(len(message).to_bytes(4, "big") + message)

    def receive(self) -> dict[int, list]:
        return fields(self._read(int.from_bytes(self._read(4), "big")))

    def _read(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            assert more, "media closed the control connection"
            octets += more
        return octets

    def _stream(self, request: bytes, request_id: int):
        """The messages of a streamed answer, from its beginning to its end."""
        self.send(number_field(1, request_id) + request)
        while True:
            message = self.receive()
            assert message.get(1, [0]) == [request_id], f"the answer is another's: {message}"
            assert 4 not in message and 5 not in message, f"no stream but {message}"
            yield message
            if 10 in message:
                return

    def snapshot(self) -> list[dict]:
        messages = list(self._stream(octets_field(6, b""), 7))
        assert 6 in messages[0], f"a snapshot begins with {messages[0]}"
        items = [
            fields(item)
            for message in messages if 7 in message
            for item in fields(message[7][0]).get(1, [])
        ]
        return [
            {
                "session": item[1][0].hex(),
                "room": item[2][0],
                "role": ROLES[item[3][0]],
                "state": STATES[item[4][0]],
                "live": bool(item.get(5, [0])[0]),
            }
            for item in items
        ]

    def counters(self) -> dict[str, int]:
        """The counters of the process, by name."""
        messages = list(self._stream(octets_field(7, b""), 8))
        begin = fields(messages[0][8][0])
        entries = [fields(entry) for entry in begin.get(2, [])]
        return {entry[1][0].decode(): entry.get(2, [0])[0] for entry in entries}

    def open_viewer(self, session_id: bytes, room: int) -> str:
        """Opens a session that nobody will connect; our ufrag."""
        line = (
            octets_field(1, b"0") + number_field(2, 1) + number_field(3, 1) + number_field(4, 111)
            + number_field(6, 48_000) + number_field(8, 1))
        fingerprint = number_field(1, 1) + octets_field(2, bytes(32))
        session = (
            octets_field(1, session_id) + number_field(2, room) + number_field(3, 2) + octets_field(4, b"abcd")
            + octets_field(5, b"p" * 22) + octets_field(6, fingerprint) + number_field(7, 1) + octets_field(8, line)
            + octets_field(9, b"name"))
        self.send(number_field(1, 9) + octets_field(3, session))
        answer = self.receive()
        assert 3 in answer, f"no session: {answer}"
        return fields(answer[3][0])[1][0].decode()

    def publisher_ssrcs(self) -> list[int]:
        """The SSRCs of the tracks that publishers send."""
        pages = [fields(message[9][0]) for message in self._stream(octets_field(7, b""), 10) if 9 in message]
        sessions = [fields(item) for page in pages for item in page.get(1, [])]
        tracks = [fields(track) for session in sessions if session[3] == [1] for track in session.get(13, [])]
        return [track[3][0] for track in tracks if 3 in track]


class Journal(ControlClient):
    """All events that media has told so far, from its first one on."""

    # Whoever names no number is told all there are.
    _greeting = octets_field(4, b"")

    def __init__(self, path: pathlib.Path):
        super().__init__(path)
        with self:
            self.id = self.hello[3][0].hex()
            newest = self.hello.get(4, [0])[0]
            self.events: list[dict] = []
            while (self.events[-1]["number"] if self.events else 0) < newest:
                event = fields(self.receive()[11][0])
                kind = next(number for number in event if number in EVENTS)
                self.events.append({
                    "number": event[1][0], "session": event.get(3, [b""])[0].hex(), "room": event.get(4, [0])[0],
                    "role": ROLES.get(event.get(5, [0])[0]), "kind": EVENTS[kind]})
