"""Programs that run on one core and end with us."""

import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

from .errors import BenchError


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, arguments):
    """`arguments` on `core`; the kernel ends the program with us, whatever happens. Its process id is that of Popen."""
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core), *map(str, arguments)]


class Program:
    """One running program, whose output goes to a file."""

    def __init__(self, name, arguments, core, folder, environment=None):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                pinned(core, arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self):
        return self.process.pid

    def wait_until(self, is_ready, patience=20.0):
        end = time.monotonic() + patience
        while not is_ready():
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at once: {self.last_line()}")
            if time.monotonic() > end:
                raise BenchError(f"{self.name} was not ready in {patience:.0f} s: {self.last_line()}")
            time.sleep(0.02)

    def last_line(self):
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def answers(port, path):
    """Whether HTTP there answers at all, with 2xx."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status // 100 == 2
        except (OSError, http.client.HTTPException):
            return False


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def local_address():
    """The address media goes to: the host's first, since Janus takes none of loopback. Packets stay in the machine."""
    found = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, text=True).stdout.split()
    return next((address for address in found if "." in address), "127.0.0.1")
