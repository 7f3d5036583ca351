"""What must not stand in any log: the secrets that the tests saw, and whatever looks like one."""

import base64
import pathlib
import re

# What sigma-signal and sigma-media said in all products of this run, without what tools/run tells its operator.
lines: list[str] = []
# Secrets by what they are.
seen: dict[str, set[str]] = {}

# In SDP (RFC 8839 §5.4); the ufrag is in the clear in every STUN message, but names a session in the log to
# whoever reads both.
_SDP = {"ICE password": re.compile(r"a=ice-pwd:(\S+)"), "ICE ufrag": re.compile(r"a=ice-ufrag:(\S+)")}
_SESSION = re.compile(r"/session/([0-9a-f]{32})")
_PREFIXED = re.compile(r"^(?:media|signal) *\| ")
# 32 digits are a session's id or a token, 22 and more characters of base64 with all kinds a password or a key.
_LOOKS = {
    "session id or token": re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"),
    "password or key": re.compile(r"(?<![\w+/=.:-])(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])(?=[\w+/]*\d)[A-Za-z0-9+/]{22,}"),
    "PEM": re.compile(r"PRIVATE KEY"),
    "SDP": re.compile(r"a=(?:ice-pwd|ice-ufrag|fingerprint|candidate):"),
    "credential": re.compile(r"(?i)bearer [^<]|credential="),
}


def remember(kind: str, value: str):
    # One of four characters, as ufrags may be, stands in some word or number by chance.
    if len(value) >= 8:
        seen.setdefault(kind, set()).add(value)


def learn(text: str | bytes | None):
    """Remembers the secrets of an SDP or of header fields."""
    if not text:
        return
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    for kind, pattern in _SDP.items():
        for value in pattern.findall(text):
            remember(kind, value)
    for value in _SESSION.findall(text):
        remember("session id", value)


def keep_log(home: pathlib.Path, log: str, token: str, environment: dict[str, str]):
    """Takes a product's log before its folder is removed, and the secrets that lie in the folder."""
    lines.extend(line for line in log.splitlines() if _PREFIXED.match(line))
    remember("token", token)
    remember("admin token", environment.get("SIGMA_ADMIN_TOKEN", ""))
    for name in ("token", "admin-token"):
        if (home / name).exists():
            remember(name, (home / name).read_text().strip())
    for server in environment.get("SIGMA_ICE_SERVERS", "").split(","):
        for credential in server.split("|")[2:]:
            remember("TURN credential", credential)
    key = home / "certs" / "key.pem"
    if key.exists():
        for line in key.read_text().splitlines():
            if "-" not in line:
                remember("DTLS key", line)
                remember("DTLS key", base64.b64decode(line + "==", validate=False).hex())


def found() -> list[str]:
    """Lines with a secret, or with what looks like one."""
    hits = []
    for line in lines:
        text = _PREFIXED.sub("", line)
        hits += [f"{kind}: {line}" for kind, values in seen.items() for value in values if value in text]
        hits += [f"{kind}: {line}" for kind, pattern in _LOOKS.items() if pattern.search(text)]
    return hits
