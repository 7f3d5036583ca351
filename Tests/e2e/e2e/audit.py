"""The audit of a database, read with nothing but sqlite3, and held against media's own journal."""

import hashlib
import json
import pathlib
import sqlite3

from .control import Journal

# An anchor is what the audit itself has said.
_NO_ROW = {"anchored"}


class Audit:
    """All rows of `room_event`, in their order."""

    def __init__(self, database: pathlib.Path):
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
            rows = connection.execute("SELECT seq, body, hash FROM room_event ORDER BY seq").fetchall()
            self.sessions = dict(connection.execute("SELECT number, hex(id_hash) FROM session").fetchall())
        connection.close()
        self.rows = [(sequence, body.encode(), bytes(hash)) for sequence, body, hash in rows]
        self.events = [json.loads(body) for _, body, _ in self.rows]

    def kinds(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["kind"] == kind]

    def session_of(self, session_id: str) -> int | None:
        """The public number of a session, by what is kept of its id."""
        wanted = hashlib.sha256(bytes.fromhex(session_id)).hexdigest().upper()
        return next((number for number, hash in self.sessions.items() if hash == wanted), None)

    def up_to(self, journal: Journal) -> "Audit | None":
        """Itself when it has the last event of `journal` that it is to have."""
        last = max((event["number"] for event in journal.events if event["kind"] not in _NO_ROW), default=0)
        return self if any(
            event.get("journal") == journal.id and event.get("number", 0) >= last for event in self.events) else None

    def check_chain(self):
        previous = bytes(32)
        for place, (sequence, body, hash) in enumerate(self.rows, 1):
            assert sequence == place, f"row {sequence} stands where {place} has to"
            previous = hashlib.sha256(previous + body).digest()
            assert hash == previous, f"row {sequence} has not the hash of what is before it: {body}"
            assert self.events[place - 1]["seq"] == sequence, body

    def check_against(self, journal: Journal):
        """Every event of media's once and in order, and no other; all of them, since media has forgotten none."""
        numbers = [event["number"] for event in self.events if event.get("journal") == journal.id]
        wanted = [event["number"] for event in journal.events if event["kind"] not in _NO_ROW]
        missing, doubled = set(wanted) - set(numbers), {number for number in numbers if numbers.count(number) > 1}
        assert numbers == wanted, f"missing {sorted(missing)[:9]}, doubled {sorted(doubled)[:9]}, or out of order"
        assert not [event for event in self.kinds("journal_gap") if event.get("journal") == journal.id]
        kinds = {
            "ended": {"viewer_left", "publish_ended"}, "publisher_live": {"publisher_live"},
            "connected": {"viewer_connected", "publisher_connected"}, "track_known": {"track_known"}}
        told = {event["number"]: event for event in self.events if event.get("journal") == journal.id}
        for event in journal.events:
            if event["kind"] in kinds:
                row = told[event["number"]]
                assert row["kind"] in kinds[event["kind"]], f"{event} became {row}"
                assert row["session"] == self.session_of(event["session"]), f"{event} became {row}"
        self._check_sessions({event["session"] for event in journal.events if event["kind"] == "ended"})

    def _check_sessions(self, ended: set[str]):
        """Each session has one beginning, acknowledged or found in media, and one end."""
        for session in ended:
            number = self.session_of(session)
            counts = {
                kind: sum(event.get("session") == number for event in self.kinds(kind))
                for kind in ("viewer_joined", "published", "session_adopted", "viewer_left", "publish_ended")}
            assert counts["viewer_left"] + counts["publish_ended"] == 1, f"session {number}: {counts}"
            assert counts["viewer_joined"] + counts["published"] <= 1 >= counts["session_adopted"], counts
            assert counts["viewer_joined"] + counts["published"] + counts["session_adopted"] > 0, counts
