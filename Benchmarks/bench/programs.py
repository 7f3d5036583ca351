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
    if shutil.which("go") is None:
        raise MissingPackage("Go", "golang-go", f", or leave {name} out with --servers")
    if name == "pion" and not (GOCODE / "src/github.com/pion/webrtc").exists():
        raise MissingPackage("Pion", "golang-github-pion-webrtc.v3-dev", ", or leave pion out with --servers")
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
    if shutil.which("cc") is None or not pathlib.Path("/usr/include/openssl/evp.h").exists():
        raise MissingPackage("a C compiler or OpenSSL's headers", "gcc libc6-dev libssl-dev")
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


def janus():
    if shutil.which("janus") is None:
        raise MissingPackage("Janus", "janus", ", or leave it out: --servers sigma,pion,loop")
    return go("janus")
