"""Three network namespaces: the server, its viewers, and strangers who may say to be anybody.

    viewers 10.77.1.2 ── 10.77.1.1 server 10.77.2.1 ── 10.77.2.2 strangers

The server's way to everybody else leads to the strangers, so that whatever it sends to a forged address arrives
at their interface and is counted there.
"""

import os
import subprocess

SERVER_ADDRESS = "10.77.1.1"
VIEWER_ADDRESS = "10.77.1.2"
STRANGER_GATEWAY = "10.77.2.2"
SERVER_LINK = "02:00:00:00:00:01"
STRANGER_LINK = "02:00:00:00:00:02"


def are_possible() -> str | None:
    """Why there can be no namespaces; `None` when there can."""
    if os.geteuid() != 0:
        return "root is needed: the flood makes network namespaces and sends raw frames"
    return None


def _ip(*arguments: str):
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL)


class Namespaces:
    """Made on entering, removed on leaving, with everything in them."""

    def __init__(self):
        base = f"sigma-{os.getpid()}"
        self.server, self.viewers, self.strangers = (f"{base}-{name}" for name in ("server", "viewers", "strangers"))

    def __enter__(self) -> "Namespaces":
        try:
            for name in (self.server, self.viewers, self.strangers):
                _ip("netns", "add", name)
                # Neighbour discovery would count as octets to strangers.
                self.write(name, "ipv6/conf/default/disable_ipv6", "1")
                _ip("-n", name, "link", "set", "lo", "up")
            self._connect(self.viewers, VIEWER_ADDRESS, "viewers", SERVER_ADDRESS)
            self._connect(self.strangers, STRANGER_GATEWAY, "strangers", "10.77.2.1")
            _ip("-n", self.server, "link", "set", "strangers", "address", SERVER_LINK)
            _ip("-n", self.strangers, "link", "set", "eth0", "address", STRANGER_LINK)
            _ip("-n", self.server, "neighbour", "replace", STRANGER_GATEWAY, "lladdr", STRANGER_LINK,
                "dev", "strangers", "nud", "permanent")
            _ip("-n", self.server, "route", "add", "default", "via", STRANGER_GATEWAY)
            # Forged sources come in on the wrong side.
            for interface in ("all", "strangers"):
                self.write(self.server, f"ipv4/conf/{interface}/rp_filter", "0")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in (self.server, self.viewers, self.strangers):
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)

    def _connect(self, name: str, address: str, interface: str, server_address: str):
        _ip("-n", self.server, "link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", name)
        for namespace, device, own in ((self.server, interface, server_address), (name, "eth0", address)):
            _ip("-n", namespace, "address", "add", f"{own}/24", "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")

    def write(self, name: str, setting: str, value: str):
        path = f"/proc/sys/net/{setting}"
        self.run(name, "sh", "-c", f"echo {value} >{path}")

    @staticmethod
    def command(name: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", name, *command]

    def run(self, name: str, *command: str) -> str:
        return subprocess.run(
            self.command(name, *command), check=True, stdout=subprocess.PIPE, text=True).stdout

    def packets_to_strangers(self) -> tuple[int, int]:
        """Packets and octets that have arrived at the strangers' interface."""
        lines = self.run(self.strangers, "cat", "/proc/net/dev").splitlines()
        fields = next(line for line in lines if line.strip().startswith("eth0:")).split(":")[1].split()
        return int(fields[1]), int(fields[0])
