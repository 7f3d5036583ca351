"""The server against schema/openapi.yaml: Schemathesis asks what the file allows, and what it does not."""

import os
import pathlib
import socket
import subprocess
import sys

from e2e.product import ROOT, free_port

SECONDS = 15
ADMIN_TOKEN = "e2e-admin-0123456789abcdef0123456789"
# They do not end; test_events.py reads them.
STREAMS = ("/notifications", "/api/v1/events")


def ask(url, token, folder, *arguments):
    """Fails with what Schemathesis found."""
    command = [
        pathlib.Path(sys.executable).parent / "schemathesis", "run", ROOT / "schema/openapi.yaml", "--url", url,
        "--max-time", SECONDS, "--request-timeout", 5, "--checks", "all", "--warnings", "off", "--no-color",
        "-H", f"Authorization: Bearer {token}", *arguments,
    ]
    for path in STREAMS:
        command += ["--exclude-path", path]
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=4 * SECONDS,
        env={
            **os.environ, "SCHEMATHESIS_HOOKS": "e2e.openapi_hooks", "PYTHONPATH": str(ROOT / "Tests/e2e"),
        })
    assert done.returncode == 0, done.stdout


def test_what_everybody_may_ask(own_product, tmp_path):
    product = own_product().start()
    ask(
        product.url, product.token, tmp_path, "--exclude-tag", "operators",
        # SDP is more than its schema can say, and what is generated is refused.
        "--exclude-checks", "positive_data_acceptance,negative_data_rejection,allow_header_conformance",
        # Answered for preflights, whether there is a session or not.
        "--exclude-name", "OPTIONS /session/{session}")
    # The server is still itself.
    assert product.request("GET", "/health").status == 200


def test_what_operators_may_ask(own_product, tmp_path):
    port = free_port(socket.SOCK_STREAM, socket.AF_INET)
    product = own_product(SIGMA_ADMIN_ADDRESS=f"127.0.0.1:{port}", SIGMA_ADMIN_TOKEN=ADMIN_TOKEN).start()
    ask(
        f"http://127.0.0.1:{port}", ADMIN_TOKEN, tmp_path, "--include-path-regex", "^/api/v1/",
        # A scenario may end the room that it made, and ask for it then: it is gone, and not for want of making it.
        "--exclude-checks", "positive_data_acceptance,negative_data_rejection,ensure_resource_availability",
        "--exclude-method", "OPTIONS")
    assert product.request("GET", "/health").status == 200
