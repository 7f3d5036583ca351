"""The last of all tests: what the programs logged in the whole run."""

import asyncio
import pathlib

from e2e import secrets
from e2e.product import Product
from e2e.viewers import watch_with_aiortc

OFFERS = pathlib.Path(__file__).resolve().parents[1] / "SigmaSDPTests" / "Offers"


def test_the_search_finds_what_it_looks_for():
    """A search that cannot fail is none."""
    for line in [
        "signal | warning: session 0123456789abcdef0123456789abcdef ended",
        "media  | a=ice-pwd:x", "media  | key Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIz", "signal | Authorization: Bearer abc",
    ]:
        secrets.lines.append(line)
        try:
            assert any(line in hit for hit in secrets.found()), line
        finally:
            secrets.lines.remove(line)
    hits = secrets.found()
    secrets.remember("token", "seen-in-a-test")
    secrets.lines.append("signal | the token seen-in-a-test")
    try:
        assert len(secrets.found()) == len(hits) + 1
    finally:
        secrets.lines.pop()


def test_no_secret_in_any_log(own_product, publish, room):
    """Of this run's products, and of one that has seen each kind of secret."""
    product = own_product(
        WHIP_TOKEN="", SIGMA_ICE_SERVERS="turn:turn.example.org?transport=udp|alice|turn-credential-of-alice").start()
    product.token = (product.home / "token").read_text().strip()
    publish(product, room)
    watched = asyncio.run(watch_with_aiortc(f"{product.url}/whep/{room}", 1))
    assert watched.frames > 0
    opened = product.publish_offer(f"/whip/{room}-2", (OFFERS / "obs-whip.sdp").read_bytes())
    assert opened.status == 201
    product.request("PATCH", opened.headers["Location"], b"a=ice-ufrag:junk", content_type="application/sdp")
    product.request("DELETE", opened.headers["Location"])
    product.publish_offer("/whip", b"junk", authorization="Bearer almost-the-right-token")
    product.watch_offer("/whep/nobody", b"junk")
    product.keep_log()
    for other in list(Product.running):
        other.keep_log()
    assert {"token", "TURN credential", "DTLS key", "ICE password", "session id"} <= set(secrets.seen), secrets.seen.keys()
    assert len(secrets.lines) > 10
    hits = secrets.found()
    assert not hits, "\n".join(hits[:20])
