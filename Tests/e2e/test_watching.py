"""A publisher nobody here wrote, and the browser most viewers use."""

import pytest

from e2e.product import wait_until
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
