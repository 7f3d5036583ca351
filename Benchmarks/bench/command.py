"""The command line."""

import argparse
import os
import signal
import sys

from . import compare, events, micro
from .errors import BenchError

DESCRIPTION = """\
tools/bench [options]: starts sigma-media with sigma-signal, Janus, a Pion server and a bare C loop one after the
other, round by round, each on one core with the load on another, and prints one table of medians.

tools/bench micro: counts the instructions of our own packet path, and fails when a kernel takes over 5 % more than
Benchmarks/micro/baseline.json says; --accept writes that file anew.

tools/bench events: thousands of clients of an event stream: memory of each, and how soon a change has reached the last;
fails above 20 KiB or 250 ms.
"""


def numbers(text):
    return [int(part) for part in text.split(",")]


def words(*allowed):
    def parse(text):
        chosen = text.split(",")
        for word in chosen:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(allowed)}")
        return chosen

    return parse


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="tools/bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("what", nargs="?", choices=["compare", "micro", "events"], default="compare", help=argparse.SUPPRESS)
    add("--quick", action="store_true", help="about one minute: 20 and 100 viewers, bursts, one round, no connects")
    add("--accept", action="store_true", help="micro: make what was counted the baseline")
    add("--servers", type=words(*compare.SERVERS), default=list(compare.SERVERS), help="sigma,janus,pion,loop")
    add("--viewers", type=numbers, help="10,50,100,200,400")
    add("--shapes", type=words("burst", "paced"), help="how the publisher sends a frame: burst,paced")
    add("--rounds", type=int, help="3; the table has the median")
    add("--seconds", type=float, help="length of each window, 10")
    add("--warmup", type=float, help="seconds from the last connect to the window, 3; 15 for the memory figures")
    add("--connects", type=int, help="joins to measure connecting with, 300; 0: leave that out")
    add("--parallel", type=int, default=64, help="joins under way at once when connects a second are measured, 64")
    add("--clients", type=int, default=5000, help="events: clients, 5000")
    add("--paths", type=lambda text: text.split(","), default=["/notifications", "/api/v1/events"], help="events: both")
    add("--bitrate", type=int, default=2_500_000, help="bit/s of the video, 2500000")
    add("--srtp", choices=["gcm", "cm"], default="gcm")
    add("--loop-backend", choices=["evp", "ipsec-mb"], default="evp")
    add("--loop-send", choices=["gso", "sendmmsg", "sendto"], default="gso")
    add("--pion-interceptors", choices=["default", "none"], default="default", help="none: no reports, NACK, TWCC")
    add("--server-core", type=int, default=0)
    add("--load-core", type=int, default=1)
    add("--json", metavar="FILE", help="all single results and the medians, for later")
    add("--bin-dir", default=os.environ.get("SIGMA_BIN_DIR"), help="where our programs are; else they are built")
    options = parser.parse_args(arguments)
    usual = (
        dict(viewers=[20, 100], shapes=["burst"], rounds=1, seconds=3.0, warmup=1.0, connects=0)
        if options.quick
        else dict(
            viewers=[10, 50, 100, 200, 400], shapes=["burst", "paced"], rounds=3, seconds=10.0, warmup=3.0, connects=300
        )
    )
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main(arguments):
    options = parse(arguments)
    # Ends what was started on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return {"micro": micro, "events": events, "compare": compare}[options.what].run(options)
    except BenchError as error:
        print(f"tools/bench: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
