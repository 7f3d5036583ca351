"""The servers that are compared: how each is started, with WHIP and WHEP at the same places."""

import contextlib
import pathlib
import secrets
import socket
import subprocess
import tempfile

from . import programs
from .errors import BenchError
from .process import Program, answers, free_port, listens, local_address


class Running:
    """A server that takes offers at `whip` and `whep`."""

    def __init__(self, port, pids, token=None):
        self.whip = f"http://127.0.0.1:{port}/whip/bench"
        self.whep = f"http://127.0.0.1:{port}/whep/bench"
        self.port = port
        self.pids = pids
        self.token = token


@contextlib.contextmanager
def folder_and_stack():
    """A folder for one life of a server, and what to end at the end of it."""
    with tempfile.TemporaryDirectory(prefix="sigma-bench-") as folder, contextlib.ExitStack() as stack:
        yield pathlib.Path(folder), stack


def start(stack, *arguments, **options):
    program = Program(*arguments, **options)
    stack.callback(program.stop)
    return program


class Sigma:
    """sigma-media and sigma-signal, both on the server's core and both counted."""

    def __init__(self, options):
        self.paths = programs.sigma(["sigma-media", "sigma-signal"], options.bin_dir)
        self.signal_environment = {}

    @contextlib.contextmanager
    def run(self, core, load_core):
        with folder_and_stack() as (folder, stack):
            self.make_certificate(folder)
            port, token = free_port(), secrets.token_hex(16)
            runtime = {"SIGMA_RUNTIME_DIR": str(folder), "SIGMA_DATABASE": str(folder / "sigma.sqlite")}
            media = start(
                stack, "sigma-media", [self.paths["sigma-media"]], core, folder,
                environment={
                    **runtime, "CERTS_DIR": str(folder), "UDP_PORT": str(free_port(socket.SOCK_DGRAM)),
                    "SIGMA_ADVERTISE": local_address(),
                },
            )
            media.wait_until((folder / "control.sock").is_socket)
            signal = start(
                stack, "sigma-signal", [self.paths["sigma-signal"]], core, folder,
                environment={
                    **runtime, "TCP_ADDRESS": "127.0.0.1", "TCP_PORT": str(port), "WHIP_TOKEN": token,
                    **self.signal_environment,
                },
            )
            signal.wait_until(lambda: answers(port, "/health"))
            yield Running(port, {"media": media.pid, "signal": signal.pid}, token)

    @staticmethod
    def make_certificate(folder):
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
             "-subj", "/CN=bench", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            stderr=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise BenchError("openssl made no certificate; is it installed?")


class Pion:
    """Benchmarks/pion: one process."""

    def __init__(self, options):
        self.interceptors = options.pion_interceptors
        self.path = programs.go("pion")

    @contextlib.contextmanager
    def run(self, core, load_core):
        with folder_and_stack() as (folder, stack):
            port = free_port()
            arguments = [self.path, "-http", f"127.0.0.1:{port}", "-address", local_address()]
            arguments += ["-interceptors", self.interceptors]
            pion = start(stack, "pion", arguments, core, folder)
            pion.wait_until(lambda: listens(port))
            yield Running(port, {"pion": pion.pid})


class Janus:
    """Janus with VideoRoom and HTTP only. The adapter runs beside the load: it is none of Janus' cost."""

    def __init__(self, _):
        self.adapter = programs.go("janus")
        found = sorted(pathlib.Path("/usr/lib").glob("*/janus/plugins/libjanus_videoroom.so"))
        if not found:
            raise BenchError("Janus' VideoRoom is not in /usr/lib/*/janus/plugins; leave Janus out with --servers")
        self.modules = found[0].parent.parent

    @contextlib.contextmanager
    def run(self, core, load_core):
        if local_address() == "127.0.0.1":
            raise BenchError("Janus needs an IPv4 address besides 127.0.0.1; leave it out: --servers sigma,pion,loop")
        with folder_and_stack() as (folder, stack):
            port, adapter_port = free_port(), free_port()
            self.configure(folder, port)
            arguments = ["janus", "-F", folder, "-C", folder / "janus.jcfg"]
            janus = start(stack, "janus", arguments, core, folder)
            janus.wait_until(lambda: answers(port, "/janus/info"))
            arguments = [
                self.adapter, "-http", f"127.0.0.1:{adapter_port}", "-janus", f"http://127.0.0.1:{port}/janus"
            ]
            adapter = start(stack, "janus-adapter", arguments, load_core, folder)
            adapter.wait_until(lambda: listens(adapter_port))
            yield Running(adapter_port, {"janus": janus.pid})

    def configure(self, folder, port):
        # Folders with the two modules that are needed, so that no other is loaded.
        for kind, module in (("plugins", "libjanus_videoroom.so"), ("transports", "libjanus_http.so")):
            (folder / kind).mkdir()
            (folder / kind / module).symlink_to(self.modules / kind / module)
        for kind in ("events", "loggers"):
            (folder / kind).mkdir()
        (folder / "janus.jcfg").write_text(
            f'general: {{ configs_folder = "{folder}" plugins_folder = "{folder}/plugins"'
            f' transports_folder = "{folder}/transports" events_folder = "{folder}/events"'
            f' loggers_folder = "{folder}/loggers" debug_level = 2 debug_colors = false session_timeout = 0'
            # One loop for the one core: half the cost of the thread for each viewer that Janus has by itself.
            f" event_loops = 1 }}\n"
            f"media: {{ ipv6 = false }}\n"
            f'nat: {{ ice_lite = true ice_enforce_list = "{local_address()}" }}\n'
        )
        (folder / "janus.transport.http.jcfg").write_text(
            f'general: {{ json = "compact" base_path = "/janus" http = true port = {port} ip = "127.0.0.1"'
            f" https = false }}\nadmin: {{ admin_http = false }}\n"
        )
        (folder / "janus.plugin.videoroom.jcfg").write_text("general: { events = false }\n")
