"""Rooms that last: viewers wait in them, stay in them, and need their keys."""

import json
import urllib.error
import urllib.request

from e2e.product import ADMIN_TOKEN, Product, wait_until


def administer(product: Product, method: str, path: str, body: dict | None = None) -> dict | None:
    request = urllib.request.Request(
        f"http://{product.environment['SIGMA_ADMIN_ADDRESS']}/api/v1{path}", method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def says(page, text: str):
    wait_until(lambda: page.evaluate("document.getElementById('state').textContent") == text, 15, f"the page says {text!r}")


def frames(page) -> int:
    return page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames")


def test_a_page_waits_for_the_publisher_and_stays_while_it_is_away(product, publish, browser, room):
    administer(product, "POST", "/rooms", {"name": room})
    page = browser.open(f"{product.url}/watch/{room}")
    says(page, "Waiting for the broadcast to begin…")
    publisher = publish(product, room)
    says(page, "")
    wait_until(lambda: frames(page) > 30, 10, "a moving picture")
    publisher.stop()
    says(page, "The publisher is away; waiting…")
    before = frames(page)
    publish(product, room)
    says(page, "")
    wait_until(lambda: frames(page) > before + 30, 10, "the picture moves on")
    sessions = administer(product, "GET", f"/sessions?room={room}")["sessions"]
    assert [session["role"] for session in sessions] == ["publisher", "publisher", "viewer"], sessions
    history = administer(product, "GET", f"/history?room={room}&kind=viewer_joined,viewer_left,publisher_live")["events"]
    assert [row["event"]["kind"] for row in history] == ["viewer_joined", "publisher_live", "publisher_live"], history
    browser.close(page)
    wait_until(lambda: len(product.sessions()) == 1, 5, "the viewer has gone")


def test_a_room_with_a_watch_key_asks_for_it(product, publish, browser, room):
    key = administer(product, "POST", "/rooms", {"name": room, "watch_key": True})["watch_key"]
    publish(product, room)
    page = browser.open(f"{product.url}/watch/{room}")
    says(page, "Watching this room needs its key.")
    type_key = "(document.getElementById('key').value = given[0], document.getElementById('key-form').requestSubmit())"
    page.evaluate(type_key, "not-the-key-of-this-room")
    says(page, "That is not the key of this room.")
    page.evaluate(type_key, key)
    wait_until(lambda: frames(page) > 10, 15, "a picture")
    link = browser.open(f"{product.url}/watch/{room}#key={key}")
    wait_until(lambda: frames(link) > 10, 15, "a picture")
    assert key not in product.log
    for shown in (page, link):
        browser.close(shown)
    administer(product, "DELETE", f"/rooms/{room}")
    wait_until(lambda: not product.sessions(), 5, "the room has ended with all that were in it")
