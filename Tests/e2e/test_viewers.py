"""Several viewers at once, of two makes, and over IPv6."""

import asyncio
import json
import socket

import pytest

from e2e.publishers import FRAME_RATE, GOP_SECONDS
from e2e.viewers import load_report, watch_with_aiortc, watch_with_load_tool

SECONDS = 10


def check_report(report: dict, viewers: int, seconds: float, keyframe_wait: float = GOP_SECONDS):
    """Frames count from a viewer's first keyframe on; FFmpeg makes none when asked."""
    told = json.dumps(report)
    assert (report["viewers"], report["connected"], report["errors"]) == (viewers, viewers, []), told
    for fault in ("gaps", "lost_before_window", "duplicates", "out_of_order", "decrypt_failures",
                  "timestamps_backwards"):
        assert report[fault] == 0, told
    assert report["frames_min"] >= FRAME_RATE * (seconds - keyframe_wait - 1), told
    assert report["audio_packets"] >= viewers * 50 * (seconds - 0.5), told
    assert report["sender_reports"] >= viewers, told


def test_two_aiortc_and_twenty_own_viewers_at_once(product, publish, room, binaries):
    publish(product, room)
    url = f"{product.url}/whep/{room}"
    load = watch_with_load_tool(str(binaries / "sigma-load"), url, viewers=20, seconds=SECONDS)

    async def two():
        return await asyncio.gather(watch_with_aiortc(url, SECONDS), watch_with_aiortc(url, SECONDS))

    for viewer in asyncio.run(two()):
        assert viewer.size == (1280, 720), viewer
        # Two decoders in one Python share the machine with everybody else.
        assert viewer.frames >= 0.9 * FRAME_RATE * SECONDS, viewer
        assert viewer.audio_frames >= 0.9 * 50 * SECONDS, viewer
        assert viewer.audio_peak > 0.2, viewer
        assert viewer.delete_status == 200, viewer
    check_report(load_report(load, 30), 20, SECONDS)


@pytest.mark.parametrize("srtp", ["gcm", "cm"])
@pytest.mark.parametrize("setup", ["active", "passive"])
def test_every_protection_in_both_dtls_roles(product, room, binaries, srtp, setup):
    """The load tool is both ends here, so that it knows every octet that has to come."""
    load = watch_with_load_tool(
        str(binaries / "sigma-load"), f"{product.url}/whep/{room}", 3, 3, "--srtp", srtp, "--setup", setup,
        "--whip", f"{product.url}/whip/{room}", "--token", product.token)
    report = load_report(load, 20)
    check_report(report, 3, 3, keyframe_wait=0)
    assert report["damaged_payloads"] == 0 and report["missed_from_publisher"] == 0, json.dumps(report)
    # All begin with the keyframe that is there, unless they were here before it.
    assert report["publisher_keyframe_requests"] <= 1, json.dumps(report)


def test_viewer_over_ipv6(own_product, publish, room, binaries):
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    product = own_product(TCP_ADDRESS="::1")
    product.host = "::1"
    product.start()
    publish(product, room)
    load = watch_with_load_tool(str(binaries / "sigma-load"), f"{product.url}/whep/{room}", viewers=2, seconds=3)
    check_report(load_report(load, 20), 2, 3)
