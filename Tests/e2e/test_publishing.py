"""The browser as a publisher, from a page of another origin."""

import asyncio
import functools
import http.server
import threading
import urllib.parse

import pytest

from e2e.browser import PAGES
from e2e.product import wait_until
from e2e.viewers import watch_with_aiortc
from e2e.watching import watch_fairly


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def other_origin():
    """Serves pages/ as http://localhost: a secure context, so that there is a camera."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=PAGES))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


CODEC = """
(async () => {
  const reports = [...(await pc.getStats()).values()];
  const sent = reports.find(report => report.type === "outbound-rtp" && report.kind === "video");
  return { codec: reports.find(report => report.id === sent.codecId)?.mimeType, frames: sent.framesEncoded };
})()
"""


def test_chromium_publishes_to_chromium_and_aiortc(own_product, browser, room, other_origin):
    product = own_product(FRONTEND_URL=other_origin).start()
    endpoint = urllib.parse.quote(f"{product.url}/whip/{room}", safe="")
    page = browser.open(f"{other_origin}/publish.html?endpoint={endpoint}&token={product.token}")
    page.evaluate("await publishing")
    product.wait_for_publisher()

    # The fake camera gives 30 frames/s; what the encoder leaves out on a busy machine is not the server's.
    before = page.evaluate(f"await {CODEC}")
    watched = watch_fairly(browser, f"{product.url}/watch/{room}", lambda watched: watched.faults(frame_rate=20))
    assert watched.after["video"]["frameWidth"] >= 320
    assert before["codec"] == "video/H264"

    viewer = asyncio.run(watch_with_aiortc(f"{product.url}/whep/{room}", 4))
    assert viewer.frames >= 4 * 20, viewer
    assert viewer.audio_peak > 0.01, viewer
    assert viewer.delete_status == 200, viewer

    assert page.evaluate("await stop()") == 200
    browser.close(page)
    wait_until(lambda: not product.sessions(), 3, "DELETE ends the publisher")
    product.wait_until_empty()


FILL = """
(async (token, room) => {
  document.getElementById("token").value = token;
  document.getElementById("room").value = room;
  document.getElementById("form").requestSubmit();
  return true;
})(...given)
"""


def test_page_of_the_product_publishes(product, browser, room):
    page = browser.open(f"{product.url}/publish")
    wait_until(lambda: page.evaluate("document.readyState === 'complete'"), 5, "the page is loaded")
    page.evaluate(f"await {FILL}", "wrong token, long enough", room)
    refused = "document.getElementById('state').textContent.includes('token')"
    wait_until(lambda: page.evaluate(refused), 5, "the page says that the token is wrong")
    page.evaluate(f"await {FILL}", product.token, room)
    product.wait_for_publisher()
    assert [(entry["name"], entry["live"]) for entry in product.rooms()] == [(room, True)]
    page.evaluate("document.getElementById('start').click()")
    wait_until(lambda: not product.sessions(), 3, "the button ends the broadcast")
