"""A program dies at any moment: media does not miss signaling, and nothing of what was agreed is forgotten.

SIGMA_KILLS says how often sigma-signal is killed: 10 in a quick run, 100 in a full one.
"""

import http.client
import json
import os
import pathlib
import random
import subprocess
import threading
import time

import pytest

from e2e.apart import MEDIA, SIGNAL, Apart
from e2e.audit import Audit
from e2e.control import Journal
from e2e.product import Response, wait_until
from e2e.viewers import load_report

KILLS = int(os.environ.get("SIGMA_KILLS", "10"))
VIEWERS = 200
# From its start to the moment at which signal knows all sessions again, on a machine with no more work than cores.
KNOWN_SECONDS = 1
OFFERS = pathlib.Path(__file__).resolve().parents[1] / "SigmaSDPTests" / "Offers"
VIEWER = (OFFERS / "chromium-whep.sdp").read_bytes()
FRAGMENT = b"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n" % (
    VIEWER.split(b"a=ice-ufrag:")[1].split()[0], VIEWER.split(b"a=ice-pwd:")[1].split()[0])


class Listener(threading.Thread):
    """One who hears `GET /notifications`, and what the lists of rooms said."""

    def __init__(self, product: Apart):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(product.host, product.port, timeout=30)
        self.connection.request("GET", "/notifications")
        self.stream = self.connection.getresponse()
        assert self.stream.status == 200, self.stream.status
        self.lists: list[list[dict]] = []
        self.start()

    def run(self):
        try:
            for line in self.stream:
                if line.startswith(b"data:"):
                    self.lists.append(json.loads(line[5:])["rooms"])
        except (OSError, http.client.HTTPException, AttributeError, ValueError):
            pass  # Closed by us.


class Passers(threading.Thread):
    """Viewers that come, see a picture and go, two at a time, whether signal lives or not."""

    def __init__(self, program: str, url: str):
        super().__init__(daemon=True)
        self.command = [
            program, "--whep", url, "--viewers", "2", "--warmup", "0", "--seconds", "0.3", "--json"]
        self.joined = self.refused = 0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.is_set():
            process = subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            lines = process.stdout.strip().splitlines()
            connected = json.loads(lines[-1])["connected"] if lines else 0
            self.joined += connected
            self.refused += 2 - connected

    def finish(self):
        self.is_over.set()
        self.join()


def crowd(product: Apart, room: str, seconds: float, viewers: int = VIEWERS) -> subprocess.Popen:
    """A publisher of our own and many viewers, all of whose packets are counted; waits until they are there."""
    load = subprocess.Popen(
        [str(product.binaries / "sigma-load"), "--whip", f"{product.url}/whip/{room}", "--token", product.token,
         "--whep", f"{product.url}/whep/{room}", "--viewers", str(viewers), "--bitrate", "400000", "--joins", "16",
         "--warmup", "0", "--seconds", str(seconds), "--sample", "4", "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: connected_viewers(product) == viewers, 60, f"{viewers} viewers")
    return load


def connected_viewers(product: Apart) -> int:
    return sum(item["role"] == "viewer" and item["state"] == "connected" for item in product.sessions())


def ask(product: Apart, method: str, path: str, body: bytes | None = None, **headers: str) -> Response | None:
    """`None` while nobody answers, or nobody can."""
    try:
        answer = product.request(method, path, body, **headers)
    except (OSError, http.client.HTTPException):
        return None
    return None if answer.status == 503 else answer


def counts_are_right(product: Apart) -> bool:
    """Signal's account of the room is media's."""
    answer = ask(product, "GET", "/rooms")
    rooms = json.loads(answer.body)["rooms"] if answer and answer.status == 200 else []
    return [entry["viewer_count"] for entry in rooms] == [connected_viewers(product)]


def trickles(product: Apart, opened: Response) -> bool:
    """Whether the URL of a session takes candidates of the peer that it was given to."""
    return product.request(
        "PATCH", opened.headers["Location"], FRAGMENT, content_type="application/trickle-ice-sdpfrag",
        if_match=opened.headers["ETag"]).status == 204


def check_nobody_missed_anything(report: dict, viewers: int):
    told = json.dumps(report)
    assert (report["connected"], report["failed"], report["errors"]) == (viewers, 0, []), told
    # What found the load tool's own sockets full had come.
    assert report["lost_packets"] + report["lost_before_window"] <= report["load_dropped"], told
    for fault in ("duplicates", "out_of_order", "decrypt_failures", "timestamps_backwards", "damaged_payloads"):
        assert report[fault] == 0, told


def check_history(product: Apart, given: list[str]):
    """What media has told stands in the audit, each event once; so does each session that was acknowledged.

    - given: Ids of sessions that nobody connected.
    """
    journal = Journal(product.home / "run" / "control.sock")
    assert [event["number"] for event in journal.events] == list(range(1, len(journal.events) + 1))
    ended = [event["session"] for event in journal.events if event["kind"] == "ended"]
    assert len(ended) == len(set(ended)) and set(given) <= set(ended)
    read = wait_until(lambda: Audit(product.database).up_to(journal), 5, "media's last event stands in the audit")
    read.check_chain()
    read.check_against(journal)
    joined, left = ([event["session"] for event in read.kinds(kind)] for kind in ("viewer_joined", "viewer_left"))
    for session in given:
        number = read.session_of(session)
        assert joined.count(number) == 1 and left.count(number) == 1, f"session {number}"


@pytest.mark.timeout(KILLS * 3 + 180)
def test_signal_is_killed_again_and_again_under_viewers_and_joins(binaries, room):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    with Apart(binaries, SIGMA_CPU_LIMIT="100") as product:
        # Longer than the kills take: a pause of 0.4 s in the middle, a moment to be known again, some requests.
        load = crowd(product, room, seconds=KILLS * 1.5 + 5)
        passers = Passers(str(binaries / "sigma-load"), f"{product.url}/whep/{room}")
        passers.start()
        known, given = [], []
        for number in range(KILLS):
            # Nobody connects these two: their URLs are all that is to live on.
            opened = [
                wait_until(
                    lambda: ask(product, "POST", f"/whep/{room}", VIEWER, content_type="application/sdp"), 5,
                    "a session is opened")
                for _ in range(2)]
            assert [answer.status for answer in opened] == [201, 201], opened
            given += [answer.headers["Location"].rpartition("/")[2] for answer in opened]
            time.sleep(moments.uniform(0, 0.8))
            product.kill(SIGNAL)
            product.start_program(SIGNAL)
            started = time.monotonic()
            patience = KNOWN_SECONDS * max(1, os.getloadavg()[0] / os.cpu_count())
            wait_until(lambda: counts_are_right(product), patience, f"kill {number}: the count is right", interval=0.01)
            known.append(time.monotonic() - started)
            for answer in opened:
                location = answer.headers["Location"]
                assert product.request("GET", location).status == 204
                wait_until(lambda: trickles(product, answer), patience, f"kill {number}: a PATCH is taken", 0.01)
                assert product.request("DELETE", location).status == 200
                assert product.request("DELETE", location).status == 404
        assert load.poll() is None, "the viewers were counted to the last kill"
        passers.finish()
        report = load_report(load, KILLS * 1.5 + 60)
        known.sort()
        print(
            f"{KILLS} kills, {report['packets']} packets, {report['load_dropped']} dropped by the load tool; known "
            f"again after {known[len(known) // 2]:.3f} s, at most {known[-1]:.3f} s; {passers.joined} came and went, "
            f"{passers.refused} were refused")
        check_nobody_missed_anything(report, VIEWERS)
        assert passers.joined >= KILLS
        wait_until(lambda: ask(product, "GET", "/rooms").body == b'{"rooms":[]}', 40, "all have gone")
        wait_until(lambda: product.sessions() == [], 40, "media has let go of all")
        check_history(product, given)


def test_media_is_killed_alone_and_signal_clears_the_rooms(binaries, room):
    with Apart(binaries) as product:
        load = crowd(product, room, seconds=60, viewers=10)
        try:
            wait_until(lambda: counts_are_right(product), 3, "ten viewers")
            signal = product.programs[SIGNAL].pid
            listener = Listener(product)
            wait_until(lambda: listener.lists and len(listener.lists[-1]) == 1, 6, "the listener knows the room")
            product.kill(MEDIA)
            product.start_program(MEDIA)
            wait_until(lambda: listener.lists[-1] == [], 5, "the listener is told")
            wait_until(lambda: product.is_healthy() and product.rooms() == [], 5, "no room has anybody")
            assert product.programs[SIGNAL].poll() is None and product.programs[SIGNAL].pid == signal
            assert product.sessions() == []
            read = Audit(product.database)
            read.check_chain()
            # Nobody heard of their end, and each has one.
            restarted = read.kinds("media_restarted")
            assert len(restarted) == 1, restarted
            joined, left = (
                [event["session"] for event in read.kinds(kind)] for kind in ("viewer_joined", "viewer_left"))
            assert len(joined) == 10 and sorted(joined) == sorted(left), (joined, left)
            assert len(read.kinds("published")) == len(read.kinds("publish_ended")) == 1
        finally:
            load.kill()
            load.communicate()
        # And all begins anew.
        again = crowd(product, f"{room}-again", seconds=3, viewers=10)
        wait_until(lambda: counts_are_right(product), 3, "ten viewers again")
        check_nobody_missed_anything(load_report(again, 30), 10)
