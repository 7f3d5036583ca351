"""The control protocol between programs of different ages: what an older one would not have said is left out.

A peer of an older version neither sends nor understands what its schema has no number for. Between two new
programs `OldProtocol` takes just that away, by a schema that is kept as it was.
"""

import collections
import pathlib
import re
import socket
import threading

from .control import octets_field, raw_fields, varint

SCHEMAS = pathlib.Path(__file__).resolve().parents[1] / "compat"


class Schema:
    """The messages and enums of a .proto file of our own: one level, fields and oneofs."""

    def __init__(self, text: str):
        text = re.sub(r"//[^\n]*", "", text)
        self.enums: dict[str, set[int]] = {}
        self.messages: dict[str, dict[int, str]] = {}
        for name, body in re.findall(r"\benum (\w+) \{([^}]*)\}", text):
            self.enums[name] = {int(number) for number in re.findall(r"= (\d+);", body)}
        # A oneof is only a name around some fields.
        text = re.sub(r"\boneof \w+ \{([^}]*)\}", r"\1", text)
        for name, body in re.findall(r"\bmessage (\w+) \{([^}]*)\}", text):
            fields = re.findall(r"(?:repeated |optional )?([\w.]+|map<[^>]*>) \w+ = (\d+);", body)
            self.messages[name] = {int(number): kind for kind, number in fields}


def _packed(octets: bytes) -> list[int]:
    values, value, shift = [], 0, 0
    for octet in octets:
        value |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:
            values.append(value)
            value = shift = 0
    return values


class Stripper:
    """Takes from messages what a schema does not know, and counts it by "Message.number"."""

    def __init__(self, schema: Schema):
        self.schema = schema
        self.dropped: collections.Counter[str] = collections.Counter()

    def strip(self, name: str, message: bytes) -> bytes:
        known, kept = self.schema.messages[name], b""
        for number, wire, raw, value in raw_fields(message):
            kind = known.get(number)
            if kind is None:
                self.dropped[f"{name}.{number}"] += 1
            elif kind in self.schema.messages and wire == 2:
                kept += octets_field(number, self.strip(kind, value))
            elif kind in self.schema.enums:
                kept += self._strip_enum(f"{name}.{number}", self.schema.enums[kind], wire, raw, value)
            else:
                kept += raw
        return kept

    def _strip_enum(self, place: str, known: set[int], wire: int, raw: bytes, value) -> bytes:
        values = _packed(value) if wire == 2 else [value]
        kept = [item for item in values if item in known]
        if len(kept) == len(values):
            return raw
        self.dropped[place] += len(values) - len(kept)
        # The key is what stands before; of a single value that is not known nothing is left.
        return octets_field(raw[0] >> 3, b"".join(map(varint, kept))) if wire == 2 else b""


class OldProtocol:
    """Stands between sigma-signal and sigma-media from entering on: media's socket is moved aside for ours.

    Connections from before stay as they are. Media must not be restarted meanwhile: it would find its place taken.
    """

    def __init__(self, control: pathlib.Path, schema: str, requests: bool, answers: bool):
        text = (SCHEMAS / schema).read_text()
        self.path, self.aside = control, control.with_name("aside.sock")
        self.strippers = (
            Stripper(Schema(text)) if requests else None,
            Stripper(Schema(text)) if answers else None,
        )
        self.connections = 0
        self.failures: list[BaseException] = []
        self._sockets: list[socket.socket] = []

    @property
    def dropped(self) -> dict[str, int]:
        return {place: count for stripper in self.strippers if stripper for place, count in stripper.dropped.items()}

    def __enter__(self) -> "OldProtocol":
        self.path.rename(self.aside)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for item in self._sockets:
            _hang_up(item)
        self.path.unlink()
        self.aside.rename(self.path)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            media = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            media.connect(str(self.aside))
            self._sockets += [client, media]
            self.connections += 1
            for source, sink, name, stripper in (
                (client, media, "ClientMessage", self.strippers[0]),
                (media, client, "MediaMessage", self.strippers[1]),
            ):
                threading.Thread(target=self._carry, args=(source, sink, name, stripper), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, name: str, stripper: Stripper | None):
        try:
            while True:
                message = _read(source, int.from_bytes(_read(source, 4), "big"))
                if stripper:
                    message = stripper.strip(name, message)
                # A frame has at least one octet; a request of which nothing is left has its id.
                sink.sendall(len(message).to_bytes(4, "big") + message)
        except (EOFError, OSError):
            pass
        except BaseException as failure:  # Told by the test, not lost with the thread.
            self.failures.append(failure)
        finally:
            _hang_up(source)
            _hang_up(sink)


def _read(source: socket.socket, count: int) -> bytes:
    octets = bytearray()
    while len(octets) < count:
        more = source.recv(count - len(octets))
        if not more:
            raise EOFError
        octets += more
    return bytes(octets)


def _hang_up(item: socket.socket):
    try:
        item.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    item.close()
