"""The two programs without tools/run: a test says when each dies, and when it comes again."""

import http.client
import pathlib
import subprocess

from .product import Product, wait_until

MEDIA, SIGNAL = "media", "signal"


class Apart(Product):
    """sigma-media and sigma-signal, each ended and started by itself; a context manager."""

    def __init__(self, binaries: pathlib.Path, **environment: str):
        super().__init__(**environment)
        self.binaries = binaries
        self.programs: dict[str, subprocess.Popen] = {}
        for name in ("SIGMA_HOME", "SIGMA_SKIP_BUILD", "SIGMA_BIN_DIR"):
            self.environment.pop(name, None)
        self.database = self.home / "sigma.db"
        for folder in ("run", "certs"):
            (self.home / folder).mkdir()
        self.environment |= {
            "SIGMA_RUNTIME_DIR": str(self.home / "run"), "CERTS_DIR": str(self.home / "certs"),
            "SIGMA_DATABASE": str(self.database),
        } | environment
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj",
             "/CN=sigma", "-days", "2", "-keyout", self.home / "certs" / "key.pem", "-out",
             self.home / "certs" / "cert.pem"],
            check=True, stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Apart":
        Product.running.append(self)
        self.start_program(MEDIA)
        wait_until((self.home / "run" / "control.sock").exists, 10, "sigma-media listens")
        self.start_program(SIGNAL)
        wait_until(self.is_healthy, 10, "sigma-signal answers and has found media")
        return self

    def __exit__(self, *_):
        Product.running.remove(self)
        for name in (SIGNAL, MEDIA):
            process = self.programs[name]
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.remove()

    # ------------------------------------------------------------------------------------- life

    def start_program(self, name: str):
        """Should this process be killed outright, the kernel ends the program with it."""
        secrets = () if name == SIGNAL else ("WHIP_TOKEN", "SIGMA_ADMIN_TOKEN", "SIGMA_ICE_SERVERS")
        environment = {key: value for key, value in self.environment.items() if key not in secrets}
        with open(self.home / f"{name}.log", "ab") as log:
            self.programs[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", str(self.binaries / f"sigma-{name}")], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def kill(self, name: str):
        """kill -9, and the kernel has taken all that it had."""
        self.programs[name].kill()
        self.programs[name].wait()

    def is_healthy(self) -> bool:
        try:
            return self.request("GET", "/health").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def processes(self) -> dict[int, str]:
        return {
            process.pid: f"sigma-{name}" for name, process in self.programs.items() if process.poll() is None}

    @property
    def log(self) -> str:
        """As tools/run would have written it, the programs one after the other."""
        lines = []
        for name in (MEDIA, SIGNAL):
            path = self.home / f"{name}.log"
            said = path.read_text(errors="replace").splitlines() if path.exists() else []
            lines += [f"{name:6} | {line}" for line in said]
        return "\n".join(lines)

    def keep_log(self):
        self.log_path.write_text(self.log)
        super().keep_log()
