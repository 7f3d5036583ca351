"""The operator's command line beside the real sigma-media."""

import hashlib
import json
import os
import select
import socket
import threading

import pytest

from e2e.control import number_field, octets_field
from e2e.sigmactl import Database, Sigmactl
from e2e.product import wait_until

ROOM = 77


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "sigma.sqlite")
    database.add_room(ROOM, "studio", "Evening \x1b[31m")
    yield database
    database.close()


@pytest.fixture
def sigmactl(binaries, product, database):
    return Sigmactl(binaries, database.path, product.home / "run")


@pytest.fixture
def viewers(product):
    """Opens sessions that nobody will connect; those that are left are closed."""
    opened = []
    with product.control as control:

        def open_viewer() -> bytes:
            opened.append(os.urandom(16))
            control.open_viewer(opened[-1], ROOM)
            return opened[-1]

        yield open_viewer
        left = {item["session"] for item in control.snapshot()}
        for session in opened:
            if session.hex() in left:
                control.send(number_field(1, 11) + octets_field(5, octets_field(1, session)))
                control.receive()


def label(session: bytes) -> str:
    return hashlib.sha256(session).hexdigest()[:8]


def test_sessions_are_joined_by_the_hash_of_the_id(sigmactl, database, viewers):
    known, unknown = viewers(), viewers()
    number = database.add_session(known, ROOM)
    lost = database.add_session(os.urandom(16), ROOM)
    done = sigmactl("sessions", "--json")
    assert done.stderr == ""
    found = {item["id_hash"][:8]: item for item in map(json.loads, done.stdout.splitlines())}
    assert found[label(known)]["number"] == number and found[label(known)]["state"] == "connecting"
    assert found[label(unknown)]["number"] is None and found[label(unknown)]["state"] == "connecting"
    assert [item["number"] for item in found.values() if item["state"] is None] == [lost]
    table = sigmactl("sessions", "--room", "studio").stdout
    assert [line.split()[:4] for line in table.splitlines()[1:]] == [
        [str(number), "studio", "viewer", "connecting"], [str(lost), "studio", "viewer", "lost"],
        [label(unknown), "studio", "viewer", "connecting"],
    ]


def test_no_command_shows_a_secret_id(sigmactl, database, viewers):
    session = viewers()
    number = database.add_session(session, ROOM)
    for arguments in [
        ("sessions",), ("sessions", "--json"), ("room", "show", "studio"), ("stats",), ("stats", "--json"),
        ("stats", number), ("history", "--json"), ("kick", number),
    ]:
        done = sigmactl(*arguments)
        for text in (session.hex(), session.hex().upper()):
            assert text not in done.stdout + done.stderr, arguments


def test_kicked_by_number_by_hash_and_by_room(product, sigmactl, database, viewers):
    def present() -> set[str]:
        return {item["session"] for item in product.sessions()}

    sessions = [viewers() for _ in range(4)]
    numbers = [database.add_session(session, ROOM) for session in sessions[:2]]
    assert sigmactl("kick", numbers[0]).stdout == f"kicked {numbers[0]}, a viewer of studio\n"
    assert sigmactl("kick", label(sessions[2])).stdout == f"kicked {label(sessions[2])}, a viewer of studio\n"
    assert present() & {session.hex() for session in sessions} == {sessions[1].hex(), sessions[3].hex()}
    done = sigmactl("kick", numbers[0], 999_999, numbers[1], status=1)
    assert done.stdout == f"kicked {numbers[1]}, a viewer of studio\n"
    assert done.stderr == f"sigmactl: sigma-media has no session {numbers[0]}, 999999\n"
    sigmactl("kick", "--room", ROOM)
    assert not present() & {session.hex() for session in sessions}
    sigmactl("kick", "--room", "nowhere", status=1)


def test_statistics_of_a_publisher_and_of_all(product, sigmactl, room, publish):
    publish(product, room)
    wait_until(lambda: json.loads(sigmactl("stats", "--json").stdout)["sessions"], 5, "statistics")
    report = json.loads(sigmactl("stats", "--json").stdout)
    session = next(item for item in report["sessions"] if item["role"] == "publisher")
    assert session["octets_received"] > 0 and {track["kind"] for track in session["tracks"]} == {"audio", "video"}
    assert all(isinstance(value, int) for value in report["counters"].values())
    shown = sigmactl("stats", session["id_hash"][:8]).stdout
    assert "publisher" in shown and "TROUBLES" in shown
    sigmactl("stats", 999_999, status=1)


def test_history_follows_what_is_written(sigmactl, database):
    process = sigmactl.start("history", "--json", "--follow", "--kind", "kicked", "--kind", "room_created")
    try:
        def next_row() -> dict:
            assert select.select([process.stdout], [], [], 10)[0], "no row within 10 s"
            return json.loads(process.stdout.readline())

        first = next_row()
        assert first["body"]["kind"] == "room_created"
        for session in range(1, 4):
            database.append("viewer_left", room=ROOM, session=session)
            database.append("kicked", room=ROOM, session=session, by="admin")
            row = next_row()
            assert row["body"]["session"] == session and row["hash"] == database.hash.hex()
        process.stdout.close()
        # Nothing more is written: it notices by itself that nobody reads.
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()


def test_the_chain_is_compared_with_what_media_keeps(own_product, binaries, database):
    product = own_product().start()
    sigmactl = Sigmactl(binaries, database.path, product.home / "run")
    done = sigmactl("verify")
    assert done.stderr == "sigmactl: sigma-media has been told no anchor since it started\n"
    for session in range(20):
        database.append("viewer_joined", room=ROOM, session=session)
    anchor = number_field(1, database.sequence) + octets_field(2, database.hash)
    with product.control as control:
        control.send(number_field(1, 12) + octets_field(9, anchor))
        assert 4 in control.receive()
    head = f"audit head {database.sequence} {database.hash.hex()}"
    assert sigmactl("verify").stdout.splitlines() == [
        f"{database.sequence} rows, 1 to {database.sequence}", head,
        "1 anchor compared, sigma-media's among them", "whole",
    ]
    # The log has said it as well, for when media is gone.
    wait_until(lambda: product.says(head), 5, "the head in the log")
    assert sigmactl("verify", "--offline", "--anchors", "-", text=product.log).returncode == 0
    cut(database, 15)
    for arguments in (("verify",), ("verify", "--offline", "--anchors", product.log_path)):
        assert sigmactl(*arguments, status=1).stdout.splitlines()[-1].startswith(
            "broken: the end is cut off: row 15 is the last one, and row 21 was anchored")
    assert sigmactl("verify", "--offline").stdout.splitlines()[-1] == "whole"


def cut(database: Database, last: int):
    database.connection.executescript(
        "DROP TRIGGER room_event_is_pruned_below_checkpoints;" f"DELETE FROM room_event WHERE seq > {last}")


def test_a_copy_while_it_is_written(sigmactl, database, tmp_path):
    stop = threading.Event()

    def write():
        connection = Database.__new__(Database)
        connection.__dict__ |= database.__dict__
        import sqlite3
        connection.connection = sqlite3.connect(database.path, isolation_level=None)
        while not stop.is_set():
            connection.append("viewer_joined", room=ROOM)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            copy = tmp_path / f"copy-{number}"
            head = sigmactl("backup", copy).stdout.splitlines()[1]
            sigmactl("verify", "--offline", "--database", copy, "--anchors", "-", text=head)
            # What was copied is still a beginning of what there is now.
            sigmactl("verify", "--offline", "--anchors", "-", text=head)
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\3\xff\xff\xff", None])
def test_what_is_no_media_is_2_and_one_line(binaries, tmp_path, database, answer):
    """Who closes, speaks something else, or says nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()

        def serve():
            connection, _ = listener.accept()
            with connection:
                if answer is not None:
                    connection.recv(1000)
                    connection.sendall(answer)
                else:
                    wait_until(lambda: not connection.recv(1000), 20, "it gives up")

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        done = Sigmactl(binaries, database.path, tmp_path)("stats", status=2)
        assert done.stdout == "" and len(done.stderr.splitlines()) == 1, done.stderr
        server.join(30)


def test_beside_the_real_signaling(product, binaries, room, publish):
    """From the publisher's POST to its end by an operator, in words and numbers that agree."""
    sigmactl = Sigmactl(binaries, product.home / "sigma.sqlite", product.home / "run")
    publish(product, room)
    listed = [line.split() for line in sigmactl("rooms").stdout.splitlines()]
    name, number, publisher, watching = next(row for row in listed if row[0] == room)[:4]
    assert watching == "0"
    session = next(
        json.loads(line) for line in sigmactl("sessions", "--room", room, "--json").stdout.splitlines())
    assert session["number"] == int(publisher) and session["room"] == int(number)
    assert (session["role"], session["state"], session["address"]) == ("publisher", "live", "127.0.0.1")
    assert "Lavf" in session["user_agent"]
    assert f"{publisher}  publisher  live" in sigmactl("room", "show", room).stdout
    assert json.loads(sigmactl("stats", publisher, "--json").stdout)["sessions"][0]["number"] == int(publisher)
    assert sigmactl("kick", publisher).stdout == f"kicked {publisher}, a publisher of {room}\n"

    def history() -> list[dict]:
        return [json.loads(line)["body"] for line in sigmactl("history", "--room", number, "--json").stdout.splitlines()]

    end = wait_until(
        lambda: next((row for row in history() if row["kind"] == "publish_ended"), None), 5, "the end in the history")
    assert end["reason"] == "kicked" and end["session"] == int(publisher) and end["duration"] > 0
    assert {"room_created", "published", "publisher_live", "track_known"} <= {row["kind"] for row in history()}
    assert sigmactl("verify", "--offline").stdout.splitlines()[-1] == "whole"
    assert sigmactl("kick", publisher, status=1).stdout == ""


def test_a_reader_that_goes_ends_it_quietly(sigmactl, database):
    for _ in range(3000):
        database.append("viewer_joined", room=ROOM)
    process = sigmactl.start("history", "--limit", "0")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(10) in (-13, 0)
