"""A publisher nobody here wrote, and the browser most viewers use."""

import time

import pytest

from e2e.product import wait_until
from e2e.publishers import make_clip
from e2e.watching import Watch, watch_fairly


@pytest.mark.parametrize("options", [(), ("-whip_flags", "dtls_active")], ids=["setup:passive", "setup:active"])
def test_chromium_watches_what_ffmpeg_publishes(product, publish, browser, room, options):
    publisher = publish(product, room, *options)
    watch_fairly(browser, f"{product.url}/watch/{room}", Watch.faults_of_clip)
    wait_until(lambda: len(product.sessions()) == 1, 5, "a viewer that closed its page is gone")
    publisher.stop()
    wait_until(lambda: not product.sessions(), 3, "FFmpeg's DELETE ends the session")


def test_page_of_an_unknown_room_waits_for_its_publisher(product, publish, browser, room):
    page = browser.open(f"{product.url}/watch/{room}")
    publish(product, room)
    wait_until(lambda: page.statistics()["firstFrameAt"], 15, "the page that waited shows a picture")


def test_a_joiner_has_a_picture_at_once_though_keyframes_are_10_s_apart(product, publish, browser, room, tmp_path):
    clip = tmp_path / "long.mkv"
    make_clip(clip, gop_seconds=10)
    publisher = publish(product, room, clip=clip)
    # FFmpeg makes no keyframe when asked: there is none for another five seconds.
    time.sleep(3)
    with product.control as control:
        before = control.counters()["joins_from_cache"]
    watched = watch_fairly(browser, f"{product.url}/watch/{room}", Watch.faults_of_clip)
    print(f"first frame after {watched.first_frame_seconds:.3f} s")
    with product.control as control:
        assert control.counters()["joins_from_cache"] > before
    # Sound and picture come as they were made, so the picture is not behind; and a player that had to wait for late
    # pictures would have grown its buffer.
    video = [look["video"] for look in (watched.before, watched.after)]
    delays = [look["jitterBufferDelay"] / max(1, look["jitterBufferEmittedCount"]) for look in video]
    assert delays[1] < delays[0] + 0.1, delays
    publisher.stop()
