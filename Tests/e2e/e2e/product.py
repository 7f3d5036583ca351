"""The product, started by tools/run in a folder of its own on free ports."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import secrets
from .control import ControlClient

ROOT = pathlib.Path(__file__).resolve().parents[3]
RUN = ROOT / "tools" / "run"
TOKEN = "e2e-token-0123456789abcdef"
ADMIN_TOKEN = "e2e-admin-token-0123456789abcdef"


def free_port(kind: int, family: int = socket.AF_INET6) -> int:
    """A port nobody holds now; tests of one run do not get the same one twice in a row."""
    with socket.socket(family, kind) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float, what: str, interval: float = 0.05):
    """The first true value of `condition`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(interval)


class Response:
    def __init__(self, answer: http.client.HTTPResponse):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:300]!r}>"


class Product:
    """One run of tools/run. The environment given wins over the defaults of the tests."""

    running: list["Product"] = []

    def __init__(self, **environment: str):
        # Not pytest's folder: the path of a Unix socket has at most 107 octets.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="sigma-"))
        self.host = "127.0.0.1"
        self.port = free_port(socket.SOCK_STREAM)
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SIGMA_") or name in ("SIGMA_BIN_DIR",)
        } | {
            "SIGMA_HOME": str(self.home),
            "SIGMA_SKIP_BUILD": "1",
            "TCP_ADDRESS": self.host,
            "TCP_PORT": str(self.port),
            "UDP_PORT": str(free_port(socket.SOCK_DGRAM)),
            "WHIP_TOKEN": TOKEN,
            "SIGMA_ADMIN_TOKEN": ADMIN_TOKEN,
            "SIGMA_ADMIN_ADDRESS": f"127.0.0.1:{free_port(socket.SOCK_STREAM)}",
        } | environment
        self.token = self.environment["WHIP_TOKEN"]
        self.log_path = self.home / "log"
        self.process: subprocess.Popen | None = None

    # ------------------------------------------------------------------------------------- life

    def launch(self) -> "Product":
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(RUN)], env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)
        Product.running.append(self)
        return self

    def start(self) -> "Product":
        self.launch()
        try:
            wait_until(self._is_ready, 60, "tools/run says that it is ready")
        except AssertionError as failure:
            log = self.log
            self.stop()
            raise AssertionError(f"{failure}\n{log}") from None
        return self

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"tools/run ended with status {self.process.returncode}")
        return self.says("run    | ready")

    def stop(self, by: int = signal.SIGTERM) -> int:
        """Ends tools/run with the signal and returns its status; kills what it left behind."""
        if self in Product.running:
            Product.running.remove(self)
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            status = None
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        assert status is not None, f"tools/run did not end in 30 s\n{self.log}"
        return status

    def keep_log(self):
        """For the search for secrets, which comes after everything."""
        if self.log_path.exists():
            secrets.keep_log(self.home, self.log, self.token, self.environment)

    def remove(self):
        self.keep_log()
        shutil.rmtree(self.home, ignore_errors=True)

    def processes(self) -> dict[int, str]:
        """Everything that runs in the session of tools/run, by process id."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                name, rest = re.fullmatch(r"\d+ \((.*)\) (.*)\s*", (entry / "stat").read_text(), re.S).groups()
            except OSError:
                continue
            fields = rest.split()
            if fields[0] != "Z" and int(fields[3]) == self.process.pid:
                found[int(entry.name)] = name
        return found

    def pid_of(self, program: str) -> int | None:
        return next((pid for pid, name in self.processes().items() if name == program), None)

    # ------------------------------------------------------------------------------------- its word

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def says(self, text: str) -> bool:
        return text in self.log

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.home / "run" / "control.sock")

    def sessions(self) -> list[dict]:
        with self.control as client:
            return client.snapshot()

    # ------------------------------------------------------------------------------------- HTTP

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def request(self, method: str, path: str, body: bytes | str | None = None, **headers: str) -> Response:
        """One request; `content_type="…"` becomes the header `Content-Type`."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            fields = {name.replace("_", "-").title(): value for name, value in headers.items()}
            connection.request(method, path, body, fields)
            response = Response(connection.getresponse())
            for text in (body, response.body, response.headers.get("Location")):
                secrets.learn(text)
            return response
        finally:
            connection.close()

    def publish_offer(self, path: str, offer: str | bytes, **headers: str) -> Response:
        fields = {"content_type": "application/sdp", "authorization": f"Bearer {self.token}"} | headers
        return self.request("POST", path, offer, **fields)

    def watch_offer(self, path: str, offer: str | bytes, **headers: str) -> Response:
        return self.request("POST", path, offer, **({"content_type": "application/sdp"} | headers))

    def rooms(self) -> list[dict]:
        import json

        response = self.request("GET", "/rooms")
        assert response.status == 200, response
        return json.loads(response.body)["rooms"]

    def wait_for_publisher(self, seconds: float = 10) -> dict:
        """The publisher whose media flows."""
        return wait_until(
            lambda: next((item for item in self.sessions() if item["role"] == "publisher" and item["live"]), None),
            seconds, "a publisher is live")

    def wait_until_empty(self, seconds: float = 3):
        """Nobody left, by both accounts: media's snapshot and signal's list of rooms."""
        wait_until(lambda: not self.sessions(), seconds, "the snapshot is empty")
        wait_until(lambda: not self.rooms(), seconds, "GET /rooms is empty")
