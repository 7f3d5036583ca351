"""What strangers do to HTTP while others join: slow requests, bad ones, endless ones."""

import asyncio
import pathlib
import socket
import time

import pytest

from e2e.product import wait_until

OFFERS = pathlib.Path(__file__).resolve().parents[1] / "SigmaSDPTests" / "Offers"
PUBLISHER = (OFFERS / "obs-whip.sdp").read_bytes()
VIEWER = (OFFERS / "chromium-whep.sdp").read_bytes()

# 500 ms on a machine of its own; clients, browsers and server share two cores here.
JOIN_SECONDS = 0.5 * 5


async def ask(product, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own: status, header fields in lower case, body."""
    reader, writer = await asyncio.open_connection(product.host, product.port)
    try:
        writer.write(f"{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(fields.get("content-length", 0)))
        return int(status_line.split()[1]), fields, content
    finally:
        writer.close()


async def join(product, room: str) -> float:
    """Watches the room and leaves; the seconds until the answer."""
    begin = time.monotonic()
    status, fields, answer = await ask(product, f"POST /whep/{room} HTTP/1.1\r\nContent-Type: application/sdp", VIEWER)
    elapsed = time.monotonic() - begin
    assert status == 201 and b"a=sendonly" in answer, (status, answer)
    await ask(product, f"DELETE {fields['location']} HTTP/1.1")
    return elapsed


async def joins_during(product, room: str, attack, seconds: float) -> list[float]:
    """The times of joins, ten a second, while the attack goes on."""
    stop = asyncio.Event()
    attackers = asyncio.ensure_future(attack(product, stop))
    await asyncio.sleep(1)
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(await asyncio.wait_for(join(product, room), 10))
        await asyncio.sleep(0.1)
    stop.set()
    await attackers
    return sorted(times)


async def dribble(product, stop: asyncio.Event):
    """500 connections that send a header at an octet a second, each made anew when it is closed."""

    async def one():
        while not stop.is_set():
            try:
                _, writer = await asyncio.open_connection(product.host, product.port)
                writer.write(b"GET /rooms HTTP/1.1\r\nX: ")
                while not stop.is_set():
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(1)
                writer.close()
            except OSError:
                await asyncio.sleep(0.1)

    await asyncio.gather(*(one() for _ in range(500)))


async def bad_requests(product, stop: asyncio.Event):
    """2000 bad requests a second, if this machine can send them, over 16 kept connections."""
    bad = [
        b"POST /whip/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 0\r\n\r\n",
        b"POST /whep/nobody HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nhello",
        b"PUT /whip/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    ]

    async def one():
        turn = 0
        while not stop.is_set():
            try:
                reader, writer = await asyncio.open_connection(product.host, product.port)
                while not stop.is_set():
                    begin = time.monotonic()
                    for _ in range(12):
                        writer.write(bad[turn % len(bad)])
                        turn += 1
                    for _ in range(12):
                        head = await reader.readuntil(b"\r\n\r\n")
                        assert head[9:12] in (b"400", b"401", b"404", b"405", b"429"), head
                        length = int(head.lower().split(b"content-length:")[1].split()[0])
                        await reader.readexactly(length)
                        counts.append(begin)
                    await asyncio.sleep(max(0, 16 * 12 / 2000 - (time.monotonic() - begin)))
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)

    counts: list[float] = []
    begin = time.monotonic()
    await asyncio.gather(*(one() for _ in range(16)))
    rate = len(counts) / (time.monotonic() - begin)
    assert rate > 200, f"only {rate:.0f} bad requests a second: no flood"


@pytest.mark.parametrize("attack", [dribble, bad_requests], ids=["slowloris", "2000 bad requests a second"])
def test_joins_go_on(product, room, attack):
    publisher = product.publish_offer(f"/whip/{room}", PUBLISHER)
    assert publisher.status == 201, publisher
    times = asyncio.run(joins_during(product, room, attack, 8))
    product.request("DELETE", publisher.headers["Location"])
    assert len(times) > 20, times
    worst = times[int(len(times) * 0.99)]
    print(f"{len(times)} joins, median {times[len(times) // 2]:.3f} s, p99 {worst:.3f} s")
    assert worst <= JOIN_SECONDS, times


def memory(pid: int) -> int:
    """What the process holds, in octets."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


@pytest.mark.parametrize(
    "head",
    [
        "GET /rooms HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x", "CONNECT a:1 HTTP/1.1",
        "POST /whip HTTP/1.1\r\nContent-Length: 99999999", "POST /whip HTTP/1.1\r\nTransfer-Encoding: chunked",
    ],
    ids=["upgrade", "connect", "length", "chunked"])
def test_endless_octets_are_not_kept(product, head):
    pid = product.pid_of("sigma-signal")
    before = memory(pid)
    with socket.create_connection((product.host, product.port), timeout=5) as connection:
        connection.sendall(f"{head}\r\nHost: x\r\n\r\n".encode())
        sent = 0
        try:
            while sent < 100_000_000:
                sent += connection.send(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        except OSError:
            pass  # Closed, or no longer read.
    assert sent < 60_000_000, "everything was read"
    assert memory(pid) - before < 20_000_000


def test_more_connections_than_are_taken(own_product, room):
    """The surplus is told 503 or closed; afterwards everything is as before, media's connection too."""
    product = own_product(SIGMA_HTTP_CONNECTIONS="300").start()
    held = []
    try:
        for _ in range(1200):
            connection = socket.socket()
            connection.settimeout(2)
            connection.connect((product.host, product.port))
            held.append(connection)
        assert held[-1].recv(4096)[:13] in (b"HTTP/1.1 503 ", b"")
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: product.publish_offer(f"/whip/{room}", PUBLISHER).status in (201, 409), 5, "publishing works")
    assert product.request("GET", "/health").status == 200


def test_rates_are_those_of_the_client_behind_the_proxy(own_product):
    product = own_product(SIGMA_TRUSTED_PROXIES="127.0.0.1", SIGMA_HTTP_JOINS_PER_SECOND="2").start()

    def watch(address: str):
        return product.watch_offer("/whep/nobody", VIEWER, x_forwarded_for=address)

    statuses = [watch("192.0.2.1").status for _ in range(40)]
    assert set(statuses) == {404, 429} and statuses[:20] == [404] * 20, statuses
    refused = watch("198.51.100.7, 192.0.2.1")
    assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1, refused
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert watch("192.0.2.2").status == 404
    for _ in range(10):
        wrong = product.publish_offer("/whip/a", b"", authorization="Bearer wrong", x_forwarded_for="192.0.2.3")
        assert wrong.status == 401, wrong
    assert product.publish_offer("/whip/a", b"", x_forwarded_for="192.0.2.3").status == 429
