"""What floods cost the viewers: the real programs in network namespaces, sigma-flood against them.

`tools/flood` prints the table; `test_flood.py` asserts on a short run. Needs root, iproute2 and nothing else.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from .control import ControlClient
from .namespaces import SERVER_ADDRESS, SERVER_LINK, VIEWER_ADDRESS, Namespaces, are_possible

TOKEN = "flood-token-0123456789abcdef"
UDP_PORT = 5004
HTTP_PORT = 8080
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Flood:
    """One row of the table."""

    name: str
    kind: str | None = None
    rate: int = 0
    #: Who the forged SRTP is said to come from: strangers, viewers or publisher.
    source: str = "strangers"


FLOODS = [
    Flood("none"),
    Flood("STUN of nobody's ufrag", "stun", 200_000),
    Flood("STUN of a session's ufrag", "integrity", 200_000),
    Flood("hellos of strangers", "hello", 100_000),
    Flood("SRTP of strangers", "srtp", 100_000),
    Flood("SRTP of the viewers", "srtp", 100_000, "viewers"),
    Flood("SRTP of the publisher", "srtp", 100_000, "publisher"),
    Flood("random octets", "random", 100_000),
    Flood("all together", "mix", 100_000, "viewers"),
]


@dataclasses.dataclass
class Outcome:
    flood: Flood
    #: Datagrams a second that left the flooder, over the whole flood.
    rate: int
    packets: int
    lost: int
    #: Percent of the packets that were due to the viewers.
    loss: float
    #: Beyond the fastest packet, ms; the publisher's own lateness included.
    delay_median: float
    delay_p99: float
    delay_max: float
    #: Percent of one core that sigma-media took during the flood.
    cpu: float
    #: KiB by which sigma-media has grown.
    growth: int
    #: At the strangers' interface.
    packets_out: int
    octets_out: int
    #: Datagrams that sigma-media's socket had no room for.
    overflow: int
    joins: int
    joins_wanted: int
    join_ms_max: float
    counters: dict[str, int]


class Server:
    """sigma-media and sigma-signal in the server's namespace, pinned as far as there are cores."""

    def __init__(self, namespaces: Namespaces, binaries: pathlib.Path):
        self.namespaces, self.binaries = namespaces, binaries
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="sigma-"))
        self.processes: list[subprocess.Popen] = []
        cores = sorted(os.sched_getaffinity(0))
        self.media_core, self.other_cores = {cores[-1]}, set(cores[:-1] or cores)

    def __enter__(self) -> "Server":
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=sigma", "-days", "2", "-keyout", self.home / "key.pem", "-out", self.home / "cert.pem"],
            check=True, stderr=subprocess.DEVNULL)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")} | {
            "SIGMA_RUNTIME_DIR": str(self.home), "SIGMA_DATABASE": str(self.home / "sigma.sqlite"),
            "CERTS_DIR": str(self.home), "UDP_PORT": str(UDP_PORT),
            "TCP_PORT": str(HTTP_PORT), "WHIP_TOKEN": TOKEN, "SIGMA_HTTP_UNLIMITED": "0.0.0.0/0",
            "SIGMA_ADVERTISE": SERVER_ADDRESS,
        }
        self.media = self.start(self.namespaces.server, self.media_core, "sigma-media", environment=environment)
        self._wait(lambda: (self.home / "control.sock").exists(), "sigma-media listens")
        self.start(self.namespaces.server, self.other_cores, "sigma-signal", environment=environment)
        self._wait(self._answers, "sigma-signal answers")
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self, namespace: str, cores: set[int], program: str, *arguments: str, environment=None):
        """`ip netns exec` becomes the program, so its process id is the program's.

        Other work of the machine is not what is measured, so it comes last; of ours the flooder does.
        """
        nice = -5 if program == "sigma-flood" else -15

        def prepare():
            os.sched_setaffinity(0, cores)
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            # Where the kernel groups by session, this is what counts between sessions.
            group = pathlib.Path("/proc/self/autogroup")
            if group.exists():
                group.write_text(str(nice))
        process = subprocess.Popen(
            self.namespaces.command(namespace, str(self.binaries / program), *arguments), env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if arguments else subprocess.DEVNULL,
            stderr=open(self.home / f"{program}.log", "ab"), text=True,
            start_new_session=True, preexec_fn=prepare)
        self.processes.append(process)
        return process

    def _wait(self, condition, what: str, seconds: float = 20):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                logs = "".join(path.read_text() for path in self.home.glob("*.log"))
                for process in self.processes:
                    if process.poll() is not None:
                        said = process.stdout.read() if process.stdout else ""
                        logs += f"{process.args[4]} ended with {process.returncode}\n{said}"
                raise RuntimeError(f"{what}: it does not, after {seconds} s at most\n{logs}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        # 200 only once sigma-media is connected.
        probe = (
            f"exec 3<>/dev/tcp/{SERVER_ADDRESS}/{HTTP_PORT}"
            r""" && printf 'GET /health HTTP/1.1\r\nHost: sigma\r\nConnection: close\r\n\r\n' >&3"""
            """ && read -r line <&3 && [[ $line == *" 200 "* ]]""")
        command = self.namespaces.command(self.namespaces.viewers, "bash", "-c", probe)
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0

    # ----------------------------------------------------------------------------------- what it says

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.home / "control.sock")

    def counters(self) -> dict[str, int]:
        with self.control as client:
            return client.counters()

    def resident(self) -> int:
        """KiB."""
        status = pathlib.Path(f"/proc/{self.media.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def processor_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.media.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def overflow(self) -> int:
        """Datagrams dropped at the socket: the last column of /proc/net/udp6."""
        lines = self.namespaces.run(self.namespaces.server, "cat", "/proc/net/udp6").splitlines()[1:]
        port = f":{UDP_PORT:04X}"
        return sum(int(line.split()[-1]) for line in lines if line.split()[1].endswith(port))

    # ------------------------------------------------------------------------------------- the clients

    def load(self, room: str, *arguments: str) -> subprocess.Popen:
        url = f"http://{SERVER_ADDRESS}:{HTTP_PORT}"
        return self.start(
            self.namespaces.viewers, self.other_cores, "sigma-load", "--whep", f"{url}/whep/{room}", "--json",
            "--warmup", "0",
            *(item.replace("URL", url) for item in arguments))

    def wait_for_connected(self, count: int):
        def are_there():
            with self.control as client:
                return sum(item["state"] == "connected" for item in client.snapshot()) >= count
        self._wait(are_there, f"{count} connected")

    def sources(self, load: subprocess.Popen) -> list[str]:
        """The addresses of the load's peers, the publisher's first: it opened its socket first."""
        found = self.namespaces.run(self.namespaces.viewers, "ss", "-Huanp")
        sockets = re.findall(rf":(\d+) +\S+ +users:.*pid={load.pid},fd=(\d+)", found)
        return [f"{VIEWER_ADDRESS}:{port}" for port, _ in sorted(sockets, key=lambda item: int(item[1]))]


def _flood(server: Server, flood: Flood, load: subprocess.Popen, seconds: float) -> subprocess.Popen:
    arguments = [
        "--interface", "eth0", "--via", SERVER_LINK, "--target", f"{SERVER_ADDRESS}:{UDP_PORT}",
        "--kind", flood.kind, "--rate", str(flood.rate), "--seconds", str(seconds),
    ]
    with server.control as client:
        # A session that nobody connects: its ufrag is what a hostile viewer knows.
        arguments += ["--username", client.open_viewer(os.urandom(16), room=1) + ":abcd"]
        ssrcs = client.publisher_ssrcs()
    sources = server.sources(load)
    chosen = {"strangers": [], "viewers": sources[1:], "publisher": sources[:1]}[flood.source]
    for source in chosen:
        arguments += ["--source", source]
    for ssrc in ssrcs if flood.source == "publisher" else []:
        arguments += ["--ssrc", str(ssrc)]
    return server.start(server.namespaces.strangers, server.other_cores, "sigma-flood", *arguments)


def _report(process: subprocess.Popen, seconds: float) -> dict:
    output, _ = process.communicate(timeout=seconds)
    lines = output.strip().splitlines()
    if not lines:
        raise RuntimeError(f"{process.args[4]} ended with {process.returncode} and said nothing")
    return json.loads(lines[-1])


def measure(
    namespaces: Namespaces, binaries: pathlib.Path, flood: Flood, seconds: float = 6, viewers: int = 10,
    joiners: int = 10,
) -> Outcome:
    """One flood of `seconds` under a publisher of 2.5 Mbit/s and `viewers`; halfway `joiners` join."""
    with Server(namespaces, binaries) as server:
        load = server.load(
            "flood", "--whip", "URL/whip/flood", "--token", TOKEN, "--viewers", str(viewers), "--seconds",
            str(seconds + 4),
            # What is kept of a picture group for joiners fits the ring as it is: its growth is not the flood's.
            "--keyframe-interval", "1")
        server.wait_for_connected(viewers + 1)
        # Memory that joining takes is not the flood's.
        _report(server.load("flood", "--viewers", str(2 * joiners), "--seconds", "0.5"), 30)
        resident, begin, spent = server.resident(), time.monotonic(), server.processor_seconds()
        before, overflow, out = server.counters(), server.overflow(), namespaces.packets_to_strangers()
        flooder = _flood(server, flood, load, seconds) if flood.kind else None
        time.sleep(seconds / 3)
        joined = _report(server.load("flood", "--viewers", str(joiners), "--seconds", str(seconds / 3)), 60)
        flooded = _report(flooder, seconds + 30) if flooder else {"rate": 0}
        cpu = 100 * (server.processor_seconds() - spent) / (time.monotonic() - begin)
        counters = {name: value - before[name] for name, value in server.counters().items()}
        growth = server.resident() - resident
        watched = _report(load, seconds + 60)
        after = namespaces.packets_to_strangers()
        lost = watched["lost_packets"] + watched["lost_before_window"]
        return Outcome(
            flood=flood, rate=flooded["rate"], packets=watched["packets"], lost=lost,
            loss=100 * lost / max(1, watched["packets"] + lost), delay_median=watched["latency_us"]["p50"] / 1000,
            delay_p99=watched["latency_us"]["p99"] / 1000, delay_max=watched["latency_us"]["max"] / 1000, cpu=cpu, growth=growth,
            packets_out=after[0] - out[0], octets_out=after[1] - out[1], overflow=server.overflow() - overflow,
            joins=joined["connected"], joins_wanted=joiners, join_ms_max=joined["connect_ms"]["max"] or 0,
            counters={name: value for name, value in counters.items() if value})


HEAD = (
    f"{'flood':30} {'sent/s':>8} {'packets':>8} {'lost':>6} {'loss %':>7} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} "
    f"{'core %':>6} {'RSS KiB':>7} {'out':>4} {'overfl.':>8} {'joins':>6} {'slowest':>8}")


def row(outcome: Outcome) -> str:
    return (
        f"{outcome.flood.name:30} {outcome.rate:8} {outcome.packets:8} {outcome.lost:6} {outcome.loss:7.3f} "
        f"{outcome.delay_median:7.1f} {outcome.delay_p99:7.1f} {outcome.delay_max:7.1f} {outcome.cpu:6.0f} "
        f"{outcome.growth:7} {outcome.octets_out:4} {outcome.overflow:8} "
        f"{outcome.joins:3}/{outcome.joins_wanted:<2} {outcome.join_ms_max:8.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/flood", description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=6, help="of each flood (6)")
    parser.add_argument("--viewers", type=int, default=10, help="that watch (10)")
    parser.add_argument("--rate", type=int, help="datagrams a second, instead of each flood's own")
    parser.add_argument("--counters", action="store_true", help="what sigma-media counted, too")
    parser.add_argument("names", nargs="*", metavar="FLOOD", help="those whose name has it; all")
    options = parser.parse_args()
    if reason := are_possible():
        print(f"tools/flood: {reason}", file=sys.stderr)
        return 77
    # However it is ended, nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = [
        flood for flood in FLOODS if not options.names or any(name in flood.name for name in options.names)]
    print(HEAD, flush=True)
    for flood in chosen:
        if options.rate is not None and flood.kind:
            flood = dataclasses.replace(flood, rate=options.rate)
        with Namespaces() as namespaces:
            outcome = measure(namespaces, options.binaries, flood, options.seconds, options.viewers)
        print(row(outcome), flush=True)
        if options.counters:
            print("   ", outcome.counters, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
