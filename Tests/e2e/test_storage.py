"""The disk under the database is full: what runs goes on, nothing new begins, and nothing agreed is lost."""

import json
import os
import shutil
import subprocess

import pytest

from e2e.apart import SIGNAL, Apart
from e2e.audit import Audit
from e2e.control import Journal
from e2e.product import wait_until
from e2e.viewers import load_report
from test_dying import VIEWER, check_nobody_missed_anything, counts_are_right, crowd

VIEWERS = 20


@pytest.fixture
def small_disk(tmp_path):
    """Two megabytes of memory as a disk."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "sigma", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


def watch(product: Apart):
    return product.request("POST", product.room_path, VIEWER, content_type="application/sdp")


def test_a_full_disk_stops_what_is_new_and_nothing_else(binaries, room, small_disk):
    database = small_disk / "sigma.sqlite"
    with Apart(binaries, SIGMA_DATABASE=str(database), SIGMA_CPU_LIMIT="100") as product:
        product.database, product.room_path = database, f"/whep/{room}"
        load = crowd(product, room, seconds=20, viewers=VIEWERS)
        given = [watch(product) for _ in range(3)]
        assert [answer.status for answer in given] == [201] * 3

        fill(small_disk)
        # What SQLite's log still has room for is stored.
        refused = wait_until(lambda: next((answer for answer in [watch(product)] if answer.status != 201), None), 10,
                             "a viewer is refused")
        assert refused.status == 503 and refused.headers["Retry-After"], refused
        assert json.loads(refused.body)["type"] == "urn:sigma:problem:storage-unavailable", refused
        health = product.request("GET", "/health")
        assert health.status == 503 and json.loads(health.body)["storage"]["reason"] == "the disk is full", health
        assert product.rooms()[0]["live"], "belief goes on following media"
        # An end that is not stored is no success, but it is the end.
        ended = product.request("DELETE", given[0].headers["Location"])
        assert ended.status == 503, ended

        (small_disk / "filler").unlink()
        wait_until(lambda: product.request("GET", "/health").status == 200, 10, "health says that all is well")
        wait_until(lambda: watch(product).status == 201, 5, "viewers are taken")
        wait_until(lambda: counts_are_right(product), 3, "the count is right")
        for answer in given[1:]:
            assert product.request("DELETE", answer.headers["Location"]).status == 200
        check_nobody_missed_anything(load_report(load, 60), VIEWERS)
        wait_until(lambda: not product.sessions(), 40, "media has let go of all")

        journal = Journal(product.home / "run" / "control.sock")
        read = wait_until(lambda: Audit(database).up_to(journal), 5, "media's last event stands in the audit")
        read.check_chain()
        read.check_against(journal)
        for answer in given:
            number = read.session_of(answer.headers["Location"].rpartition("/")[2])
            left = [event["session"] for event in read.kinds("viewer_left")]
            assert number is not None and left.count(number) == 1


def test_a_damaged_database_is_said_to_be_and_a_restored_one_is_not_taken_for_it(binaries, room, tmp_path):
    copy = tmp_path / "copy.sqlite"
    with Apart(binaries, SIGMA_CPU_LIMIT="100") as product:
        product.room_path = f"/whep/{room}"
        load = crowd(product, room, seconds=15, viewers=5)
        wait_until(lambda: counts_are_right(product), 3, "five viewers")
        subprocess.run(
            [binaries / "sigmactl", "backup", copy, "--database", product.database], check=True, capture_output=True)
        assert watch(product).status == 201
        product.kill(SIGNAL)
        for path in product.home.glob("sigma.db*"):
            path.unlink()
        product.database.write_bytes(b"no database" * 1000)

        product.start_program(SIGNAL)
        health = wait_until(lambda: storage(product), 5, "signal answers")
        assert health == {"working": False, "reason": "the database is damaged", "history_is_anchored": True}
        wait_until(lambda: product.rooms() and product.rooms()[0]["viewer_count"] == 5, 5, "what runs is known")
        assert watch(product).status == 503

        product.database.unlink()
        shutil.copy(copy, product.database)
        wait_until(lambda: storage(product)["working"], 10, "the copy is opened")
        wait_until(lambda: storage(product)["history_is_anchored"] is False, 5, "it is not what media was shown")
        wait_until(lambda: watch(product).status == 201, 5, "viewers are taken")
        check_nobody_missed_anything(load_report(load, 60), 5)
        wait_until(lambda: Audit(product.database).kinds("anchor_mismatch"), 5, "the history says so")
        Audit(product.database).check_chain()


def storage(product: Apart) -> dict | None:
    try:
        return json.loads(product.request("GET", "/health").body)["storage"]
    except OSError:
        return None
