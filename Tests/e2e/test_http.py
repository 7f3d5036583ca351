"""What HTTP answers, status by status; every refusal is a problem document (RFC 9457)."""

import json
import pathlib
import socket

import pytest

from e2e.product import wait_until

OFFERS = pathlib.Path(__file__).resolve().parents[1] / "SigmaSDPTests" / "Offers"
PUBLISHER = (OFFERS / "obs-whip.sdp").read_bytes()
VIEWER = (OFFERS / "chromium-whep.sdp").read_bytes()
SDP = "application/sdp"
NO_SESSION = "/session/00000000000000000000000000000000"


def bearer(token: str) -> str:
    return f"Bearer {token}"


REFUSED = {
    # name: (method, path, body, header fields; {token} is the right one), status
    "no token": ("POST", "/whip/a", PUBLISHER, {"content_type": SDP}, 401),
    "wrong token": ("POST", "/whip/a", PUBLISHER, {"content_type": SDP, "authorization": bearer("wrong")}, 401),
    "token cut short": ("POST", "/whip/a", PUBLISHER, {"content_type": SDP, "authorization": bearer("e2e-token-0123456789abcde")}, 401),
    "empty token": ("POST", "/whip/a", PUBLISHER, {"content_type": SDP, "authorization": "Bearer "}, 401),
    "another scheme": ("POST", "/whip/a", PUBLISHER, {"content_type": SDP, "authorization": "Basic {token}"}, 401),
    "unknown room": ("POST", "/whep/nobody", VIEWER, {"content_type": SDP}, 404),
    "unknown room by number": ("POST", "/whep?target_id=12345", VIEWER, {"content_type": SDP}, 404),
    "target that is no room": ("POST", "/whep?target_id=%2e%2e%2fx", VIEWER, {"content_type": SDP}, 404),
    "no target": ("POST", "/whep", VIEWER, {"content_type": SDP}, 400),
    "room name with a dot": ("POST", "/whip/a.b", PUBLISHER, {"content_type": SDP, "authorization": "Bearer {token}"}, 400),
    "not SDP": ("POST", "/whip/a", b"hello", {"content_type": SDP, "authorization": "Bearer {token}"}, 400),
    "not text": ("POST", "/whip/a", bytes(range(256)) * 8, {"content_type": SDP, "authorization": "Bearer {token}"}, 400),
    "no body": ("POST", "/whip/a", b"", {"content_type": SDP, "authorization": "Bearer {token}"}, 400),
    "viewer's body is not SDP": ("POST", "/whep/a", b"{}", {"content_type": SDP}, 400),
    "half an offer": ("POST", "/whip/a", PUBLISHER[:200], {"content_type": SDP, "authorization": "Bearer {token}"}, 400),
    "viewer's offer to WHIP": ("POST", "/whip/a", VIEWER, {"content_type": SDP, "authorization": "Bearer {token}"}, 422),
    "oversized": ("POST", "/whip/a", PUBLISHER + b"a=x\r\n" * 14000, {"content_type": SDP, "authorization": "Bearer {token}"}, 413),
    "wrong type": ("POST", "/whip/a", PUBLISHER, {"content_type": "application/json", "authorization": "Bearer {token}"}, 415),
    "no type": ("POST", "/whip/a", PUBLISHER, {"authorization": "Bearer {token}"}, 415),
    "viewer's wrong type": ("POST", "/whep/a", VIEWER, {"content_type": "text/plain"}, 415),
    "unknown session": ("DELETE", NO_SESSION, None, {}, 404),
    "PATCH of an unknown session": ("PATCH", NO_SESSION, b"", {"content_type": "application/trickle-ice-sdpfrag"}, 404),
    "unknown path": ("GET", "/nothing/here", None, {}, 404),
    "DELETE of the endpoint": ("DELETE", "/whip/a", None, {}, 405),
    "PUT": ("PUT", "/whep/a", b"", {}, 405),
    "POST to the rooms": ("POST", "/rooms", b"", {}, 405),
    "POST to a session": ("POST", NO_SESSION, b"", {}, 405),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_refused(product, case):
    method, path, body, headers, status = case
    fields = {name: value.replace("{token}", product.token) for name, value in headers.items()}
    response = product.request(method, path, body, **fields)
    assert response.status == status, response
    assert response.headers["Content-Type"] == "application/problem+json", response
    problem = json.loads(response.body)
    assert problem["status"] == status and problem["type"] and problem["title"], problem
    if status == 401:
        assert response.headers["WWW-Authenticate"].lower().startswith("bearer"), response
    if status == 405:
        assert response.headers["Allow"], response
    assert product.sessions() == []


def test_oversized_without_a_length(product):
    """The bound holds for a chunked body too."""
    with socket.create_connection((product.host, product.port), timeout=10) as connection:
        connection.sendall(
            f"POST /whip/a HTTP/1.1\r\nHost: x\r\nContent-Type: {SDP}\r\nAuthorization: {bearer(product.token)}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(20):
                connection.sendall(b"1000\r\n" + b"a" * 0x1000 + b"\r\n")
        except OSError:
            pass  # It need not listen to the end.
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_life_of_a_session(product, room):
    opened = product.publish_offer(f"/whip/{room}", PUBLISHER, authorization=f"bearer {product.token}")
    assert opened.status == 201, opened
    assert opened.headers["Content-Type"] == SDP
    assert opened.headers["ETag"].startswith('"')
    location = opened.headers["Location"]
    assert location.startswith("/") and "?" not in location
    answer = opened.body.decode()
    assert answer.startswith("v=0\r\n") and "a=ice-lite" in answer and "a=setup:passive" in answer
    assert "a=recvonly" in answer and "a=candidate:" in answer

    assert product.request("GET", location).status == 204
    assert product.request("OPTIONS", location).status == 200
    assert [entry["viewer_count"] for entry in product.rooms()] == [0]
    # One that is to take the room over, and is forgotten.
    second = product.publish_offer(f"/whip/{room}", PUBLISHER)
    assert second.status == 201, second
    assert product.request("DELETE", second.headers["Location"]).status == 200
    assert [entry["name"] for entry in product.rooms()] == [room]

    ufrag = PUBLISHER.split(b"a=ice-ufrag:")[1].split()[0]
    password = PUBLISHER.split(b"a=ice-pwd:")[1].split()[0]
    fragment = b"a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n"
    trickled = product.request(
        "PATCH", location, fragment % (ufrag, password), content_type="application/trickle-ice-sdpfrag",
        if_match=opened.headers["ETag"])
    assert (trickled.status, trickled.body) == (204, b""), trickled
    restart = product.request(
        "PATCH", location, fragment % (b"fresh", b"aFreshPasswordOfEnoughOctets"),
        content_type="application/trickle-ice-sdpfrag", if_match="*")
    assert restart.status == 422, restart

    watched = product.watch_offer(f"/whep/{room}", VIEWER)
    assert watched.status == 201, watched
    assert "a=sendonly" in watched.body.decode()
    assert len(product.sessions()) == 2

    assert product.request("DELETE", watched.headers["Location"]).status == 200
    assert product.request("DELETE", watched.headers["Location"]).status == 404
    assert product.request("DELETE", location).status == 200
    assert product.request("DELETE", location).status == 404
    wait_until(lambda: not product.sessions(), 1, "DELETE ends at once")


@pytest.mark.parametrize("offer", sorted(OFFERS.glob("*.sdp")), ids=lambda path: path.stem)
def test_real_offers_are_accepted(product, room, offer):
    """And the answer names neither a codec nor a protection that nobody here forwards."""
    if "whep" in offer.stem:
        publisher = product.publish_offer(f"/whip/{room}", PUBLISHER)
        response = product.watch_offer(f"/whep/{room}", offer.read_bytes())
        for opened in (response, publisher):
            product.request("DELETE", opened.headers["Location"] or NO_SESSION)
    else:
        response = product.publish_offer(f"/whip/{room}", offer.read_bytes())
        product.request("DELETE", response.headers["Location"] or NO_SESSION)
    assert response.status == 201, response
    answer = response.body.decode().lower()
    for unwanted in ("red/", "ulpfec", "flexfec", " cn/", "telephone-event", "vp8", "vp9", "av1"):
        assert unwanted not in answer, answer
    assert "h264/90000" in answer and "opus/48000" in answer, answer


@pytest.mark.parametrize("path", ["/whip", "/whip/a", "/whep/a"])
def test_preflight_needs_no_token(product, path):
    response = product.request("OPTIONS", path)
    assert response.status == 200, response
    assert response.headers["Accept-Post"] == SDP
    assert product.request("GET", path).status == 204
    assert product.request("HEAD", path).status in (200, 204)


def test_pages_and_health(product):
    for path in ("/", "/watch/a", "/publish"):
        response = product.request("GET", path)
        assert response.status == 200 and response.headers["Content-Type"].startswith("text/html"), response
    assert product.request("GET", "/health").status == 200


def test_cors_is_for_the_frontend_alone(own_product):
    product = own_product(FRONTEND_URL="https://player.example.org").start()
    for method, path, status in [("OPTIONS", "/whep/a", 200), ("GET", "/rooms", 200), ("DELETE", NO_SESSION, 404)]:
        ours = product.request(method, path, origin="https://player.example.org")
        assert ours.status == status
        assert ours.headers["Access-Control-Allow-Origin"] == "https://player.example.org", ours
        exposed = ours.headers["Access-Control-Expose-Headers"].lower()
        assert all(name in exposed for name in ("location", "link", "etag", "retry-after"))
        other = product.request(method, path, origin="https://elsewhere.example.org")
        assert other.headers["Access-Control-Allow-Origin"] is None, other
    preflight = product.request("OPTIONS", "/whip/a", origin="https://player.example.org")
    assert "DELETE" in preflight.headers["Access-Control-Allow-Methods"]
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()


def test_ice_servers_stand_in_link_fields(own_product, room):
    product = own_product(
        SIGMA_ICE_SERVERS="stun:stun.example.org:3478,turn:turn.example.org:3478?transport=udp|user|secret").start()
    response = product.publish_offer(f"/whip/{room}", PUBLISHER)
    assert response.status == 201, response
    page, *links = response.headers.get_all("Link")
    assert page == f'</watch/{room}>; rel="alternate"; type="text/html"'
    assert len(links) == 2, links
    assert links[0].startswith("<stun:stun.example.org:3478>") and 'rel="ice-server"' in links[0]
    assert 'username="user"' in links[1] and 'credential="secret"' in links[1]
