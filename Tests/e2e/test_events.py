"""Lists that follow what happens: many readers, slow ones, and the pages. Figures are those of tools/bench events, with
five times the room: everything else runs on the same machine here."""

import contextlib
import json
import socket
import sys
import time

from e2e.product import ROOT, wait_until

sys.path.insert(0, str(ROOT / "Benchmarks"))

from bench.crowd import Crowd  # noqa: E402

PUBLISHER = (ROOT / "Tests/SigmaSDPTests/Offers/obs-whip.sdp").read_bytes()
CLIENTS = 500


@contextlib.contextmanager
def crowd(product, path, count=CLIENTS, more=""):
    clients = Crowd(product.port, path, count, more=more)
    try:
        yield clients
    finally:
        clients.close()


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def open_room(product, room):
    opened = product.publish_offer(f"/whip/{room}", PUBLISHER)
    assert opened.status == 201, opened
    return opened.headers["Location"]


def test_a_change_reaches_five_hundred_readers(product, room):
    signal = product.pid_of("sigma-signal")
    with crowd(product, "/notifications"):
        pass
    before = resident(signal)
    with crowd(product, "/notifications") as clients:
        assert resident(signal) - before < 5 * 20 * CLIENTS
        for number in range(3):
            begin = time.monotonic()
            session = open_room(product, f"{room}-{number}")
            assert clients.hear(f'"{room}-{number}"')[-1] - begin < 5 * 0.25
            assert product.request("DELETE", session).status == 200
        # Nothing happens, and still it is said within 5 s.
        clients.listen(0.5)
        assert clients.hear('{"rooms":[]}', 5.5)


def test_a_slow_reader_gets_the_newest_list_and_holds_up_nobody(product, room):
    sessions = [open_room(product, f"{room}-{number}") for number in range(40)]
    with socket.socket() as slow, crowd(product, "/notifications", 1) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((product.host, product.port))
        slow.sendall(b"GET /notifications HTTP/1.1\r\nHost: a\r\n\r\n")
        for number in range(40):
            session = open_room(product, f"{room}-late-{number}")
            quick.hear(f'"{room}-late-{number}"', 5)
            assert product.request("DELETE", session).status == 200
        for session in sessions:
            assert product.request("DELETE", session).status == 200
        quick.hear('{"rooms":[]}', 5)
        slow.settimeout(10)
        text = b""
        while not text.endswith(b'data: {"rooms":[]}\n\n'):
            text += slow.recv(65536)
    lists = [json.loads(line[6:]) for line in text.split(b"\n") if line.startswith(b"data: ")]
    # There were more than 80 lists.
    assert 2 <= len(lists) < 40, len(lists)


def test_streams_end_with_the_server_at_once(own_product):
    product = own_product().start()
    with crowd(product, "/notifications", 50) as clients:
        begin = time.monotonic()
        product.stop()
        assert time.monotonic() - begin < 5
        assert all(client.recv(65536) == b"" for client in map(readable, clients.sockets.values()))


def readable(client):
    client.settimeout(1)
    return client


def listed(page):
    """What the list of rooms shows."""
    return page.evaluate("[...document.querySelectorAll('#rooms a')].map((link) => link.innerText)")


def test_the_page_follows_what_happens(product, room, browser):
    page = browser.open(f"{product.url}/", "measure.js")
    wait_until(lambda: "Nobody is broadcasting" in page.evaluate("document.body.innerText"), 10, "the empty list")
    first = open_room(product, f"{room}-a")
    wait_until(lambda: len(listed(page)) == 1, 2, "the first room")
    page.evaluate("document.querySelector('#rooms a').focus()")
    second = open_room(product, f"{room}-b")
    wait_until(lambda: len(listed(page)) == 2, 2, "the second room")
    # The keyboard stays where it was.
    assert page.evaluate("document.activeElement.pathname") == f"/watch/{room}-a"
    for session in (first, second):
        product.request("DELETE", session)
    wait_until(lambda: listed(page) == [], 2, "no rooms")
    assert "Nobody is broadcasting" in page.evaluate("document.body.innerText")


def test_the_page_comes_back_after_a_restart(own_product, browser, room):
    product = own_product().start()
    page = browser.open(f"{product.url}/", "measure.js")
    wait_until(lambda: "Nobody is broadcasting" in page.evaluate("document.body.innerText"), 10, "the empty list")
    product.stop()
    wait_until(lambda: "does not answer" in page.evaluate("document.body.innerText"), 5, "the page says so")
    product.launch()
    wait_until(lambda: product.log.count("run    | ready") == 2, 30, "the second start")
    open_room(product, room)
    wait_until(lambda: len(listed(page)) == 1, 10, "the list is there again")


def test_who_waits_begins_when_the_publisher_does(product, publish, room, browser):
    page = browser.open(f"{product.url}/watch/{room}", "measure.js")
    wait_until(lambda: page.evaluate("notifications !== null && notifications.readyState === 1"), 10, "it waits")
    # Nothing else would wake it.
    page.evaluate("clearTimeout(retry)")
    publish(product, room)
    wait_until(lambda: page.evaluate("document.body.dataset.state") == "playing", 10, "the picture")
    assert page.evaluate("notifications === null")
