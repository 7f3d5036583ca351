"""Instructions of our own code, counted by callgrind: stable where times are not."""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import tempfile

from . import programs
from .errors import BenchError, MissingPackage

BASELINE = programs.BENCHMARKS / "micro/baseline.json"
# More than this over the baseline is a regression.
TOLERANCE = 0.05
ROUNDS = 2000


def run(options):
    if shutil.which("valgrind") is None:
        raise MissingPackage("micro", ["valgrind"])
    program = build(options.bin_dir)
    kernels = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(kernels, pool.map(lambda kernel: instructions_each(program, kernel), kernels)))
    if options.accept:
        BASELINE.write_text(json.dumps(counted, indent=2) + "\n")
        print(f"{BASELINE.relative_to(programs.ROOT)} has {len(counted)} kernels now")
        return 0
    return compare(counted)


def build(folder):
    """The optimised program; a build of the pure targets is enough, and quick."""
    if folder:
        return programs.sigma(["sigma-micro"], folder)["sigma-micro"]
    if shutil.which("swift") is None:
        raise BenchError("swift is not in PATH; set SIGMA_BIN_DIR to the folder of sigma-micro")
    arguments = ["swift", "build", "-c", "release", "--scratch-path", ".build-core"]
    environment = dict(os.environ, SIGMA_CORE_ONLY="1")
    programs.command([*arguments, "--product", "sigma-micro"], "sigma-micro", cwd=programs.ROOT, env=environment)
    shown = programs.command([*arguments, "--show-bin-path"], "sigma-micro", cwd=programs.ROOT, env=environment)
    return f"{shown.strip()}/sigma-micro"


def instructions_each(program, kernel):
    """Of one round: what twice the rounds take more, so that starting up cancels."""
    return round((count(program, kernel, 2 * ROUNDS) - count(program, kernel, ROUNDS)) / ROUNDS, 1)


def count(program, kernel, rounds):
    with tempfile.TemporaryDirectory(prefix="sigma-bench-") as folder:
        arguments = [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program, kernel, str(rounds)
        ]
        done = subprocess.run(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            # Hashing is seeded at random otherwise.
            env=dict(os.environ, SWIFT_DETERMINISTIC_HASHING="1"),
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise BenchError(f"sigma-micro {kernel} failed under valgrind: {(done.stderr.splitlines() or ['?'])[-1]}")
    return int(found.group(1))


def compare(counted):
    if not BASELINE.exists():
        raise BenchError(f"{BASELINE} is not there; tools/bench micro --accept makes it")
    baseline = json.loads(BASELINE.read_text())
    regressed = []
    print(f"{'kernel':16}{'instructions':>14}{'baseline':>12}{'change':>10}")
    for kernel, now in counted.items():
        before = baseline.get(kernel)
        if before is None:
            regressed.append(f"{kernel} is not in the baseline")
            continue
        change = now / before - 1
        print(f"{kernel:16}{now:14.1f}{before:12.1f}{change:+10.1%}")
        if change > TOLERANCE:
            regressed.append(f"{kernel} takes {change:.1%} more instructions than {before}")
    regressed += [f"{kernel} is in the baseline and not in sigma-micro" for kernel in baseline if kernel not in counted]
    for line in regressed:
        print(f"tools/bench micro: {line}; if that is meant, tools/bench micro --accept")
    return 1 if regressed else 0
