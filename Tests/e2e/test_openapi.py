"""The server against schema/openapi.yaml: Schemathesis asks what the file allows, and what it does not."""

import os
import pathlib
import subprocess
import sys

from e2e.product import ROOT

SECONDS = 20
# SDP is more than its schema can say: what is generated is refused, and rightly so.
UNSAID = "positive_data_acceptance,negative_data_rejection"
# They do not end; test_events.py reads them.
STREAMS = ("/notifications", "/api/v1/events")
# Answered for preflights, whether there is a session or not.
PREFLIGHT = "OPTIONS /session/{session}"


def test_the_server_is_what_its_description_says(own_product, tmp_path):
    product = own_product().start()
    arguments = [
        pathlib.Path(sys.executable).parent / "schemathesis", "run", ROOT / "schema/openapi.yaml", "--url", product.url,
        "--max-time", SECONDS, "--request-timeout", 5, "--checks", "all", "--exclude-checks", UNSAID,
        "--exclude-name", PREFLIGHT, "-H", f"Authorization: Bearer {product.token}", "--warnings", "off", "--no-color",
    ]
    for path in STREAMS:
        arguments += ["--exclude-path", path]
    done = subprocess.run(
        [str(argument) for argument in arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=4 * SECONDS,
        env={
            **os.environ, "SCHEMATHESIS_HOOKS": "e2e.openapi_hooks", "PYTHONPATH": str(ROOT / "Tests/e2e"),
        })
    assert done.returncode == 0, done.stdout
    # The server is still itself.
    assert product.request("GET", "/health").status == 200
