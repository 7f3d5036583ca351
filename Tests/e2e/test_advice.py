"""Video that browsers show badly, and what the streamer is told to change."""

import subprocess

import pytest

from e2e.product import wait_until
from e2e.publishers import FFMPEG


@pytest.fixture
def publish_file(binaries, tmp_path):
    """Publishes a stream that x264 makes with the given options; FFmpeg's own WHIP refuses B-frames."""
    running = []

    def publish(product, room: str, *options: str, **load_options: str):
        clip = tmp_path / f"{room}.h264"
        subprocess.run(
            [
                FFMPEG, "-hide_banner", "-loglevel", "error", "-y",
                "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30", "-t", "20",
                "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "800k", "-sc_threshold", "0",
                *options, "-f", "h264", str(clip),
            ],
            check=True, stdin=subprocess.DEVNULL)
        running.append(subprocess.Popen(
            [
                str(binaries / "sigma-load"), "--whip", f"{product.url}/whip/{room}", "--token", product.token,
                "--viewers", "0", "--file", str(clip), "--fps", "30", "--seconds", "120", "--json",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        product.wait_for_publisher()

    yield publish
    for process in running:
        process.terminate()
        process.wait(10)


def codes(product, room: str) -> list[str]:
    return [advice["code"] for entry in product.rooms() if entry["name"] == room for advice in entry["advice"]]


ITEMS = "[...document.querySelectorAll('#advice li')].map(item => [item.dataset.code, item.textContent])"


def test_b_frames_are_told_of_in_the_room_and_on_the_pages(own_product, publish_file, browser, room):
    product = own_product().start()
    publish_file(product, room, "-profile:v", "high", "-bf", "2", "-b_strategy", "0", "-g", "60")
    wait_until(lambda: codes(product, room) == ["b-frames"], 5, "the room says that there are B-frames")
    page = browser.open(f"{product.url}/publish")
    wait_until(lambda: page.evaluate("document.readyState === 'complete'"), 5, "the page is loaded")
    page.evaluate("document.getElementById('room').value = given[0]", room)
    told = wait_until(lambda: page.evaluate(ITEMS), 6, "the publish page shows it")
    assert [code for code, _ in told] == ["b-frames"]
    assert "B-frames to 0" in told[0][1]

    page = browser.open(f"{product.url}/watch/{room}")
    wait_until(lambda: page.evaluate("document.readyState === 'complete'"), 5, "the page is loaded")
    assert page.evaluate("document.getElementById('notes').hidden")
    page.evaluate("await showNotes()")
    assert not page.evaluate("document.getElementById('notes').hidden")
    assert not page.evaluate("document.getElementById('notes').open")
    assert [code for code, _ in page.evaluate(ITEMS)] == ["b-frames"]


def test_a_wait_without_keyframe_is_told_of_before_it_ends(own_product, publish_file, room):
    product = own_product().start()
    publish_file(product, room, "-profile:v", "baseline", "-bf", "0", "-g", "600")
    assert codes(product, room) == []
    wait_until(lambda: codes(product, room) == ["long-keyframe-interval"], 16, "the room says that none comes")


def test_a_stream_as_it_should_be_has_no_advice(product, publish, room):
    publish(product, room)
    wait_until(lambda: [entry for entry in product.rooms() if entry["width"] == 1280], 5, "its size is known")
    assert codes(product, room) == []
