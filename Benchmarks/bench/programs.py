"""Finds and builds the programs."""

import os
import pathlib
import shutil
import subprocess

from .errors import BenchError, MissingPackage

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "Benchmarks"
BUILD = ROOT / ".build-bench"
GOCODE = pathlib.Path("/usr/share/gocode")


def require(servers):
    """One line with everything that `servers` need and Debian has."""
    wanted = {
        "janus": {"janus": shutil.which("janus"), "golang-go": shutil.which("go")},
        "pion": {
            "golang-go": shutil.which("go"),
            "golang-github-pion-webrtc.v3-dev": (GOCODE / "src/github.com/pion/webrtc").exists(),
        },
        "loop": {
            "gcc": shutil.which("cc"), "libc6-dev": os.path.exists("/usr/include/stdio.h"),
            "libssl-dev": os.path.exists("/usr/include/openssl/evp.h"),
        },
        "sigma": {"openssl": shutil.which("openssl")},
    }
    missing = {package: None for name in servers for package, there in wanted[name].items() if not there}
    if missing:
        needing = [name for name in servers if not all(wanted[name].values())]
        raise MissingPackage(", ".join(needing), missing, ", or choose others with --servers")


def command(arguments, what, **options):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if "error" in line] or done.stdout.splitlines() or ["?"]
        raise BenchError(f"{what} could not be built: {lines[0].strip()}")
    return done.stdout


def sigma(names, folder=None):
    """Paths of our own programs, from `folder` or from a release build."""
    if folder is None:
        if shutil.which("swift") is None:
            raise BenchError("swift is not in PATH; set SIGMA_BIN_DIR to the folder of the programs")
        for name in names:
            print(f"building {name}", flush=True)
            command(["swift", "build", "-c", "release", "--product", name], name, cwd=ROOT)
        folder = command(["swift", "build", "-c", "release", "--show-bin-path"], "sigma", cwd=ROOT).strip()
    paths = {name: pathlib.Path(folder) / name for name in names}
    for name, path in paths.items():
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path} is not there; build it or set SIGMA_BIN_DIR")
    return paths


def go(name):
    """A Go program of Benchmarks/, built without network from Debian's sources.

    In GOPATH mode /v3 in an import path is understood only within a tree that has a go.mod and lies in GOPATH, hence
    the copy.
    """
    source = BUILD / "gopath/src" / name
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(BENCHMARKS / name, source)
    environment = dict(
        os.environ, GO111MODULE="off", GOPATH=f"{BUILD}/gopath:{GOCODE}", GOCACHE=f"{BUILD}/go-cache", CGO_ENABLED="0"
    )
    program = BUILD / f"bench-{name}"
    command(["go", "build", "-o", program, "."], f"Benchmarks/{name}", cwd=source, env=environment)
    return program


def loop():
    """The C loop, with ipsec-mb where it is installed."""
    BUILD.mkdir(exist_ok=True)
    program = BUILD / "bench-loop"
    options = ["-std=gnu11", "-O3", "-Wall", "-Wextra"]
    libraries = ["-lcrypto"]
    if pathlib.Path("/usr/include/intel-ipsec-mb.h").exists():
        options.append("-DWITH_IPSEC_MB")
        libraries.append("-lIPSec_MB")
    sources = sorted((BENCHMARKS / "loop").glob("*.c"))
    command(["cc", *options, *sources, "-o", program, *libraries], "Benchmarks/loop")
    return program
