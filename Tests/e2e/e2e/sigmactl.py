"""sigmactl, and a database as sigma-signal writes it, made here from the schema and the rule of the chain alone."""

import hashlib
import json
import pathlib
import sqlite3
import subprocess
import time

from .product import ROOT


class Sigmactl:
    """Runs the program beside the one that the product runs."""

    def __init__(self, binaries: pathlib.Path, database: pathlib.Path, runtime: pathlib.Path):
        self.program = binaries / "sigmactl"
        self.environment = {
            "SIGMA_DATABASE": str(database), "SIGMA_RUNTIME_DIR": str(runtime), "TZ": "UTC",
            "PATH": "/usr/bin:/bin",
        }

    def __call__(self, *arguments: object, status: int = 0, text: str = "") -> subprocess.CompletedProcess:
        done = subprocess.run(
            [self.program, *map(str, arguments)], env=self.environment, input=text, capture_output=True, text=True,
            timeout=30)
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, *arguments: object) -> subprocess.Popen:
        return subprocess.Popen(
            [self.program, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)


class Database:
    """What sigma-signal would have written."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        for migration in sorted((ROOT / "schema").glob("*.sql")):
            self.connection.executescript(migration.read_text())
        self.sequence, self.hash = 0, bytes(32)

    def close(self):
        self.connection.close()

    def append(self, kind: str, **details) -> str:
        """Adds a row to the audit; its hash."""
        self.sequence += 1
        row = {"seq": self.sequence, "time": int(time.time() * 1000), "kind": kind} | details
        body = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        self.hash = hashlib.sha256(self.hash + body.encode()).digest()
        self.connection.execute("INSERT INTO room_event (seq, body, hash) VALUES (?, ?, ?)", (
            self.sequence, body, self.hash))
        return self.hash.hex()

    def add_room(self, number: int, name: str, title: str = ""):
        now = int(time.time() * 1000)
        self.connection.execute(
            "INSERT INTO room (id, name, title, is_lasting, created_at, created_by) VALUES (?, ?, ?, 1, ?, 'admin')",
            (number, name, title, now))
        self.append("room_created", room=number, name=name, lasting=True, by="admin")

    def add_session(self, session_id: bytes, room: int, role: str = "viewer") -> int:
        """Its number."""
        number = self.connection.execute(
            "INSERT INTO session (id_hash, room, role, opened_at) VALUES (?, ?, ?, ?)",
            (hashlib.sha256(session_id).digest(), room, role, int(time.time() * 1000))).lastrowid
        self.append("viewer_joined", room=room, session=number)
        return number
