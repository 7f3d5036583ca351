"""Clients of the event streams: what each costs, and how soon a change has reached all of them."""

import collections
import contextlib
import http.client
import multiprocessing
import os
import resource
import secrets
import statistics
import time

from . import programs, servers
from .crowd import Crowd
from .errors import BenchError
from .process import free_port
from .table import aligned, number

OFFER = programs.ROOT / "Tests/SigmaSDPTests/Offers/obs-whip.sdp"
# What each client may cost, and a change may take.
MOST_KIB, MOST_MS = 20, 250
CHANGES = 5


Admin = collections.namedtuple("Admin", "port token")


class Change:
    """Publishes, and ends that again, over one connection."""

    def __init__(self, server):
        self.server = server
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.offer = OFFER.read_bytes()
        self.count = 0

    def publish(self):
        """Returns the name of the new room, and when it was asked for."""
        self.count += 1
        name = f"bench-{self.count:06}"
        begin = time.monotonic()
        answer = self.request("POST", f"/whip/{name}", self.offer)
        self.session = answer.headers["Location"]
        return name, begin

    def end(self):
        self.request("DELETE", self.session)

    def request(self, method, path, body=None):
        fields = {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/sdp"}
        self.http.request(method, path, body, fields)
        answer = self.http.getresponse()
        answer.read()
        if answer.status // 100 != 2:
            raise BenchError(f"{method} {path} was answered {answer.status}")
        return answer


def run(options):
    os.sched_setaffinity(0, {options.load_core})
    need = options.clients + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < need:
        raise BenchError(f"{options.clients} clients need {need} descriptors and {hard} are allowed; raise ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, need), hard))
    sigma = servers.Sigma(options)
    admin = Admin(free_port(), secrets.token_hex(16))
    sigma.signal_environment = {
        "SIGMA_ADMIN_ADDRESS": f"127.0.0.1:{admin.port}", "SIGMA_ADMIN_TOKEN": admin.token,
        **dict.fromkeys(
            ("SIGMA_HTTP_CONNECTIONS", "SIGMA_HTTP_JOINS_PER_SECOND", "SIGMA_HTTP_REQUESTS_PER_SECOND"), "0"
        ),
    }
    rows = [measure(sigma, admin, path, options) for path in options.paths]
    print(table(rows, options))
    failed = [row for row in rows if row["kib"] > MOST_KIB or row["all_ms"] > MOST_MS]
    return 1 if failed else 0


def measure(sigma, admin, path, options):
    with sigma.run(options.server_core, options.load_core) as server:
        # The names of new rooms are for operators.
        reader = admin if path.startswith("/api/") else server
        pid = server.pids["signal"]
        change = Change(server)
        with crowd(reader, path, min(200, options.clients)) as few:
            name, _ = change.publish()
            few.hear(name)
            change.end()
        time.sleep(1)
        memory, cpu = resident(pid), cpu_time(pid)
        with crowd(reader, path, options.clients) as all_clients:
            connect = (cpu_time(pid) - cpu) / options.clients
            row = {"path": path, "connect_us": connect * 1e6, **told(all_clients, change, pid)}
            row["kib"] = (resident(pid) - memory) / options.clients
            row.update(quiet(all_clients, pid, options.seconds), **storm(all_clients, change, pid, options.seconds))
        return row


@contextlib.contextmanager
def crowd(server, path, count):
    try:
        more = f"Authorization: Bearer {server.token}\r\n"
        clients = Crowd(server.port, path, count, more=more)
    except (OSError, ConnectionError) as error:
        raise BenchError(f"{path}: {error}") from None
    try:
        yield clients
    except (TimeoutError, ConnectionError) as error:
        raise BenchError(f"{path}: {error}") from None
    finally:
        clients.close()


def told(clients, change, pid):
    """Single changes, from the request that makes each to the last client that has heard of it."""
    firsts, lasts, costs = [], [], []
    for _ in range(CHANGES):
        clients.listen(0.5)
        before = cpu_time(pid)
        name, begin = change.publish()
        times = clients.hear(name)
        firsts.append(times[0] - begin)
        lasts.append(times[-1] - begin)
        costs.append(cpu_time(pid) - before)
        change.end()
    return {
        "first_ms": statistics.median(firsts) * 1e3, "all_ms": max(lasts) * 1e3,
        "change_ms": statistics.median(costs) * 1e3,
    }


def quiet(clients, pid, seconds):
    """Nothing happens."""
    clients.listen(1)
    before = cpu_time(pid)
    clients.listen(seconds)
    return {"quiet_core": (cpu_time(pid) - before) / seconds}


def storm(clients, change, pid, seconds):
    """A change after the other, as many as one connection makes."""
    before, octets = cpu_time(pid), clients.octets
    receiver, sender = multiprocessing.Pipe(duplex=False)
    # A process of its own, so that it does not wait for the crowd to read.
    other = multiprocessing.Process(target=changes, args=(change, seconds, sender))
    other.start()
    clients.listen(seconds + 0.5)
    other.join()
    count, slowest = receiver.recv() if receiver.poll() else (0, 0.0)
    if not count:
        raise BenchError("the storm of changes broke off")
    return {
        "storm_changes": count / seconds, "storm_core": (cpu_time(pid) - before) / (seconds + 0.5),
        "storm_octets": (clients.octets - octets) / len(clients.sockets), "storm_slowest_ms": slowest * 1e3,
    }


def changes(change, seconds, sender):
    """Sends how many there were, and how long the slowest took."""
    change.http.close()
    end, count, slowest = time.monotonic() + seconds, 0, 0.0
    while (now := time.monotonic()) < end:
        change.publish()
        slowest = max(slowest, time.monotonic() - now)
        change.end()
        count += 2
    sender.send((count, slowest))


def resident(pid):
    """KiB in memory."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def cpu_time(pid):
    """Seconds, of all threads."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat") as statistic:
            total += int(statistic.read().split()[0])
    return total / 1e9


def table(rows, options):
    header = [
        "stream", "KiB each", "connect CPU µs", "first ms", "all ms", "CPU ms a change", "quiet core %", "storm changes/s",
        "KiB to each", "slowest POST ms", "core %",
    ]
    lines = [header] + [
        [
            row["path"], number(row["kib"]), number(row["connect_us"], 0), number(row["first_ms"]), number(row["all_ms"]),
            number(row["change_ms"]), number(row["quiet_core"], 1, 100), number(row["storm_changes"], 0),
            number(row["storm_octets"], 1, 1 / 1024), number(row["storm_slowest_ms"]), number(row["storm_core"], 0, 100),
        ]
        for row in rows
    ]
    note = (
        f"{options.clients} clients; all ms: the longest of {CHANGES} changes, from the request to the last client, whose"
        f" reading is in it; at most {MOST_KIB} KiB and {MOST_MS} ms"
    )
    return "\n".join(aligned(lines) + ["", note])
