"""One measurement: sigma-load against a running server, or the bare loop."""

import json
import subprocess

from .errors import BenchError
from .process import pinned


def run_json(arguments, core, patience):
    """What a program prints as one JSON object; it may end with 1 when not everybody connected."""
    name = str(arguments[0]).rsplit("/", 1)[-1]
    try:
        done = subprocess.run(
            pinned(core, arguments) if core is not None else [str(part) for part in arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=patience,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{name} did not end in {patience:.0f} s") from None
    lines = done.stdout.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise BenchError(f"{name} gave no JSON: {reason}") from None


class Load:
    """sigma-load on its core."""

    def __init__(self, path, options):
        self.path = path
        self.options = options

    def arguments(self, server):
        options = self.options
        arguments = [self.path, "--json", "--whip", server.whip, "--whep", server.whep, "--srtp", options.srtp]
        arguments += ["--bitrate", options.bitrate]
        if server.token:
            arguments += ["--token", server.token]
        for pid in server.pids.values():
            arguments += ["--server-pid", pid]
        return arguments

    def watch(self, server, viewers, shape):
        """A publisher and viewers who are all there for the whole window."""
        options = self.options
        arguments = self.arguments(server) + [
            "--viewers", viewers, "--shape", shape, "--warmup", options.warmup, "--seconds", options.seconds
        ]
        # Joins one after the other, of which the slowest server takes 0.2 s each.
        report = run_json(arguments, options.load_core, 60 + options.warmup + options.seconds + viewers * 0.5)
        return watched(report)

    def connect(self, server, count, parallel):
        """Joins that leave at their first packet, `parallel` at a time."""
        arguments = self.arguments(server) + ["--connect-only", count, "--joins", parallel]
        report = run_json(arguments, self.options.load_core, 60 + count * 0.5)
        return connected(report)


def total(report, field):
    values = [process.get(field) for process in report.get("servers") or []]
    return sum(values) if values and None not in values else None


def divided(a, b, factor=1.0):
    return a / b * factor if a is not None and b else None


def percentile(report, field, name, factor=1.0):
    value = (report.get(field) or {}).get(name)
    return None if value is None else value * factor


def watched(report):
    here = report.get("connected") or 0
    before, after = total(report, "rss_before_kib"), total(report, "rss_kib")
    memory = None if before is None or after is None else after - before
    seconds = report.get("seconds")
    return {
        "us_per_packet": divided(total(report, "cpu_seconds"), report.get("packets"), 1e6),
        "loss": divided(report.get("lost_packets"), report.get("expected_packets")),
        "p50_ms": percentile(report, "latency_us", "p50", 1e-3),
        "p99_ms": percentile(report, "latency_us", "p99", 1e-3),
        "kib_per_viewer": divided(memory, here),
        "connect_ms": percentile(report, "connect_ms", "p50"),
        "server_core": divided(total(report, "cpu_seconds"), seconds),
        "load_core": divided(report.get("load_cpu_seconds"), seconds),
        "load_dropped": report.get("load_dropped"),
        "packets_per_second": divided(divided(report.get("packets"), here), seconds),
        "missing": (report.get("viewers") or 0) - here,
        "errors": (report.get("errors") or [])[:3],
        "report": report,
    }


def connected(report):
    count = percentile(report, "first_packet_ms", "count") or percentile(report, "connect_ms", "count")
    return {
        "first_packet_ms": percentile(report, "first_packet_ms", "p50"),
        "first_packet_p99_ms": percentile(report, "first_packet_ms", "p99"),
        "per_second": report.get("connects_per_second"),
        "cpu_ms": [divided(one.get("connect_cpu_seconds"), count, 1e3) for one in report.get("servers") or []],
        "errors": (report.get("errors") or [])[:3],
        "report": report,
    }


class Loop:
    """The bare loop: sends on the server's core, is read on the load's, with UDP_GRO as sigma-load reads."""

    def __init__(self, path, options):
        self.path = path
        self.options = options

    def watch(self, viewers, shape):
        options = self.options
        report = run_json(
            [
                self.path, "--viewers", viewers, "--shape", shape, "--seconds", max(1, round(options.seconds)),
                "--bitrate", options.bitrate, "--srtp", options.srtp, "--backend", options.loop_backend,
                "--send", options.loop_send, "--gro", "--core", options.server_core, "--receiver-core", options.load_core,
            ],
            None, 30 + options.seconds,
        )
        return {
            "us_per_packet": report["cpu_us_per_packet"],
            "loss": divided(max(0, report["lost_packets"]), report["packets"]),
            "server_core": divided(report["cpu_seconds"], report["seconds"]),
            "packets_per_second": divided(report["packets"], viewers * report["seconds"]),
            "missing": 0,
            "errors": [],
            "report": report,
        }
