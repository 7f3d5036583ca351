"""A bad network between the server and those viewers that are to have one."""

import json
import os
import pathlib
import subprocess

from .product import ROOT

PROGRAM = ROOT / "tools" / "netsim"


class Netsim:
    """One run of tools/netsim, in front of a server's UDP port."""

    def __init__(self, binaries: pathlib.Path, server_port: int, seed: int = 1):
        self.process = subprocess.Popen(
            [str(PROGRAM), "--server", f"127.0.0.1:{server_port}", "--seed", str(seed)],
            env=os.environ | {"SIGMA_BIN_DIR": str(binaries)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def ask(self, order: str) -> str:
        self.process.stdin.write(order + "\n")
        return self.process.stdout.readline().strip()

    def say(self, *orders: str):
        """Sets the conditions from now on; `clear` comes first where they begin anew."""
        for order in orders:
            answer = self.ask(order)
            assert answer == "ok", f"{order}: {answer}"

    def counts(self) -> dict:
        return json.loads(self.ask("counts"))

    def stop(self) -> dict:
        """Ends it; what became of all datagrams."""
        output, _ = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, f"netsim ended with {self.process.returncode}"
        return json.loads(output.splitlines()[-1])
