"""What ends, and when; what does not end when a process does."""

import os
import pathlib
import signal
import time

import pytest

from e2e.product import wait_until

CONSENT_SECONDS = 30
OFFERS = pathlib.Path(__file__).resolve().parents[1] / "SigmaSDPTests" / "Offers"
OBS = (OFFERS / "obs-whip.sdp").read_bytes()


def test_whoever_falls_silent_is_gone_after_thirty_seconds(product, publish, room):
    """RFC 7675 §5.1 for the publisher that was killed; a session that never connects has as long."""
    publisher = publish(product, room)
    answer = product.publish_offer(f"/whip/{room}-never", OBS)
    assert answer.status == 201, answer
    assert len(product.rooms()) == 2
    publisher.kill()
    killed = time.monotonic()
    wait_until(lambda: "disconnected" in [item["state"] for item in product.sessions()], 20, "15 s: disconnected")
    # The last consent was given at most some seconds before the end.
    assert 8 < time.monotonic() - killed < 18
    wait_until(lambda: not product.rooms(), CONSENT_SECONDS, "30 s: the rooms are gone")
    assert 20 < time.monotonic() - killed < CONSENT_SECONDS + 3
    assert product.sessions() == []
    late = product.request("DELETE", answer.headers["Location"], authorization=f"Bearer {product.token}")
    assert late.status == 404


def test_signal_killed_and_restarted_under_a_viewer(own_product, publish, browser, room):
    product = own_product().start()
    publish(product, room)
    page = browser.open(f"{product.url}/watch/{room}")
    wait_until(lambda: page.statistics()["firstFrameAt"], 10, "a picture")
    before = page.statistics()
    pid = product.pid_of("sigma-signal")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: product.says("sigma-signal was killed by SIGKILL; it is restarted in 100 ms"), 3, "a line")
    wait_until(lambda: product.pid_of("sigma-signal") not in (None, pid), 3, "another sigma-signal")
    wait_until(lambda: _answers(product), 5, "the new one answers")
    time.sleep(2)
    after = page.statistics()
    assert after["state"] == "connected"
    assert after["video"]["framesDecoded"] - before["video"]["framesDecoded"] > 40, (before, after)
    assert after["video"]["packetsLost"] == before["video"]["packetsLost"]
    assert after["video"]["freezeCount"] == before["video"]["freezeCount"]
    assert {item["role"] for item in product.sessions()} == {"publisher", "viewer"}
    rooms = wait_until(product.rooms, 3, "the room stands in the list again")
    assert [entry["viewer_count"] for entry in rooms] == [1]


def _answers(product) -> bool:
    try:
        return product.request("GET", "/health").status == 200
    except OSError:
        return False


def test_media_killed_is_restarted_and_serves_again(own_product, publish, room):
    product = own_product().start()
    first = publish(product, room)
    os.kill(product.pid_of("sigma-media"), signal.SIGKILL)
    wait_until(lambda: product.says("sigma-media was killed by SIGKILL; it is restarted in 100 ms"), 3, "a line")
    first.kill()
    wait_until(lambda: product.says("media  | ") and _answers(product), 5, "signal has found media again")
    publish(product, f"{room}-again")


def test_without_media_the_answer_is_503(own_product, room):
    product = own_product().start()
    media = product.pid_of("sigma-media")
    os.kill(media, signal.SIGSTOP)
    os.kill(media, signal.SIGKILL)
    # Restarted after 100 ms, and again killed: at one moment nobody is there.
    answers = []
    for _ in range(200):
        answers.append(product.publish_offer(f"/whip/{room}", OBS))
        if answers[-1].status == 503:
            break
        again = product.pid_of("sigma-media")
        if again:
            os.kill(again, signal.SIGKILL)
    assert answers[-1].status == 503, answers[-1]
    assert int(answers[-1].headers["Retry-After"]) > 0, answers[-1]


@pytest.mark.parametrize("how, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_everything_ends_with_tools_run(own_product, how, status):
    product = own_product().start()
    assert {"sigma-media", "sigma-signal"} <= set(product.processes().values())
    product.process.send_signal(how)
    # Each program has 10 s to end before it is killed.
    assert product.process.wait(30) == status
    assert product.processes() == {}


def test_everything_ends_when_tools_run_is_killed(own_product):
    product = own_product().start()
    product.process.kill()
    product.process.wait()
    wait_until(lambda: product.processes() == {}, 5, "nothing is left")
