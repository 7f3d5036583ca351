"""The comparison: every server, every number of viewers, both shapes, round by round."""

import json
import os
import platform
import resource
import statistics
import subprocess
import time

from . import programs, servers, table
from .errors import BenchError
from .load import Load, Loop

SERVERS = {"sigma": servers.Sigma, "janus": servers.Janus, "pion": servers.Pion, "loop": None}
# One at a time: few, since each takes tens of milliseconds.
SINGLE_CONNECTS = 30


def run(options):
    check_cores(options)
    programs.require(options.servers)
    allow_many_files()
    load = Load(programs.sigma(["sigma-load"], options.bin_dir)["sigma-load"], options)
    loop = Loop(programs.loop(), options) if "loop" in options.servers else None
    kinds = {name: SERVERS[name](options) for name in options.servers if SERVERS[name]}
    host = describe_host()
    print(f"{host['date']} · {host['processor']} · Linux {host['kernel']} · {host['commit']}")
    watching, connecting, was_stopped = [], [], False
    try:
        for round_number in range(1, options.rounds + 1):
            measure_round(round_number, options, load, loop, kinds, watching, connecting)
    except KeyboardInterrupt:
        was_stopped = True
        print("stopped; what there is so far:")
    medians = median_rows(watching, ("shape", "viewers", "server"))
    connects = median_rows(connecting, ("server", "parallel"))
    print()
    print(table.watching(medians, options))
    if connects:
        print()
        print(table.connecting(connects))
    if options.json:
        result = {
            "host": host, "options": vars(options), "medians": medians, "connect_medians": connects,
            "watching": watching, "connecting": connecting,
        }
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    if was_stopped:
        return 130
    return 1 if any(row.get("failure") for row in watching + connecting) else 0


def measure_round(number, options, load, loop, kinds, watching, connecting):
    for shape in options.shapes:
        for viewers in options.viewers:
            # Another one first each time, since what was before leaves warm caches and full queues.
            for name in rotated(options.servers, number - 1):
                key = {"server": name, "viewers": viewers, "shape": shape, "round": number}
                if name == "loop":
                    measured = attempt(lambda: loop.watch(viewers, shape))
                else:
                    measured = with_server(kinds[name], options, lambda running: load.watch(running, viewers, shape))
                watching.append({**key, **measured})
                print(table.progress(watching[-1], options.rounds), flush=True)
    if not options.connects:
        return
    for name in rotated(list(kinds), number - 1):
        for count, parallel in ((SINGLE_CONNECTS, 1), (options.connects, options.parallel)):
            measured = with_server(kinds[name], options, lambda running: load.connect(running, count, parallel))
            connecting.append({"server": name, "parallel": parallel, "round": number, **measured})
            print(table.connect_progress(connecting[-1], options.rounds), flush=True)


def with_server(kind, options, measure):
    """A fresh server for each measurement, so that none inherits another's memory."""

    def measure_fresh():
        with kind.run(options.server_core, options.load_core) as running:
            return measure(running)

    return attempt(measure_fresh)


def attempt(measure):
    """One measurement that fails leaves the others alone."""
    try:
        return measure()
    except BenchError as error:
        return {"failure": str(error), "errors": [str(error)]}


def rotated(names, by):
    by %= len(names) or 1
    return names[by:] + names[:by]


def median_rows(rows, keys):
    """One row for each combination of `keys`: the median of every number over the rounds."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [{**dict(zip(keys, group)), **median_row(members)} for group, members in groups.items()]


def median_row(members):
    merged = {}
    for name in {name for member in members for name in member} - {"round", "report", "viewers", "parallel"}:
        values = [member[name] for member in members if member.get(name) is not None]
        if values and all(isinstance(value, (int, float)) for value in values):
            merged[name] = statistics.median(values)
        elif name == "cpu_ms" and values and all(None not in value for value in values):
            merged[name] = [statistics.median(column) for column in zip(*values)]
        elif name == "errors":
            merged[name] = sorted({error for value in values for error in value})[:3]
        elif name == "failure" and values:
            merged[name] = values[0]
    return merged


def check_cores(options):
    here = os.sched_getaffinity(0)
    for name in ("server_core", "load_core"):
        if getattr(options, name) not in here:
            flag = "--" + name.replace("_", "-")
            core = getattr(options, name)
            raise BenchError(f"{flag} {core} is none of this machine's cores; choose of {sorted(here)}")
    if options.server_core == options.load_core:
        raise BenchError("--server-core and --load-core must differ: the load would be measured as well")


def allow_many_files():
    """A socket for each viewer, and as many in the servers, which inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def describe_host():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=programs.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "processor": f"{os.cpu_count()} × {names[0] if names else platform.machine()}",
        "kernel": platform.release(),
        "commit": commit.stdout.strip() or "no commit",
    }
