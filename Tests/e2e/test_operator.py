"""An operator's mistake ends the start with one line that names it."""

import re
import socket
import stat
import subprocess

import pytest

from e2e.product import Product, free_port


def refused(product: Product, program: str) -> str:
    """The one line that the program said before everything ended."""
    status = product.launch().process.wait(30)
    assert status == 1, f"status {status}\n{product.log}"
    assert product.processes() == {}
    assert not product.says("run    | ready"), product.log
    # What the other program says of its own end does not count.
    lines = re.findall(rf"^{program:6} \| (.*)$", product.log, re.M)
    assert len(lines) == 1, product.log
    assert f"sigma-{program} ended with status" in product.log, product.log
    return lines[0]


@pytest.mark.parametrize(
    "program, variable, value",
    [
        ("media", "UDP_PORT", "70000"),
        ("media", "UDP_PORT", "5004x"),
        ("media", "UDP_ADDRESS", "not-an-address"),
        ("media", "SIGMA_ADVERTISE", "somewhere"),
        ("signal", "TCP_PORT", "http"),
        ("signal", "TCP_ADDRESS", "1.2.3"),
        ("signal", "FRONTEND_URL", "example.org"),
        ("signal", "SIGMA_ICE_SERVERS", "turn:turn.example.org|user|s3cret|rest"),
    ])
def test_malformed_variable(own_product, program, variable, value):
    line = refused(own_product(**{variable: value}), program)
    assert variable in line, line
    if "s3cret" in value:
        assert "s3cret" not in line, line
    else:
        assert value in line, line


def test_tcp_port_in_use(own_product):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        line = refused(own_product(TCP_PORT=str(port)), "signal")
        assert "TCP_PORT" in line and str(port) in line, line


def test_udp_port_in_use(own_product):
    port = free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as holder:
        holder.bind(("::", port))
        line = refused(own_product(UDP_PORT=str(port)), "media")
        assert "UDP_PORT" in line and str(port) in line, line


RUBBISH = b"-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("content", [None, b"", RUBBISH, "another's"], ids=["none", "empty", "rubbish", "another's"])
def test_key_that_cannot_be_read(own_product, tmp_path, content):
    for folder in ("ours", "other"):
        subprocess.run(
            f"mkdir {folder} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 9"
            f" -subj /CN=x -keyout {folder}/key.pem -out {folder}/cert.pem",
            shell=True, cwd=tmp_path, check=True, capture_output=True)
    key = tmp_path / "ours" / "key.pem"
    if content is None:
        key.unlink()
    else:
        key.write_bytes((tmp_path / "other" / "key.pem").read_bytes() if content == "another's" else content)
    line = refused(own_product(CERTS_DIR=str(tmp_path / "ours")), "media")
    assert "CERTS_DIR" in line and "key.pem" in line, line


def test_the_secrets_are_made_once_and_for_the_owner_alone(own_product):
    product = own_product(WHIP_TOKEN="").start()
    secrets = [product.home / name for name in ("token", "certs/key.pem", "certs/cert.pem")]
    before = [path.read_bytes() for path in secrets]
    token = before[0].decode().strip()
    assert re.fullmatch(r"[0-9a-f]{32}", token)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secrets[:2])
    assert f"Bearer Token  {token}\n" in product.log
    assert f"Server        {product.url}/whip/live\n" in product.log
    assert product.stop() == 143
    product.start()
    assert [path.read_bytes() for path in secrets] == before


def test_a_second_start_in_the_same_folder_is_refused(own_product):
    product = own_product().start()
    second = own_product(SIGMA_HOME=str(product.home), TCP_PORT=str(free_port(socket.SOCK_STREAM)))
    assert second.launch().process.wait(10) == 1
    assert "another tools/run uses" in second.log
    assert product.request("GET", "/health").status == 200


def test_media_is_not_given_the_secrets_of_signal(own_product):
    product = own_product(SIGMA_ICE_SERVERS="turn:turn.example.org|user|turn-credential").start()
    environments = {
        program: open(f"/proc/{product.pid_of(f'sigma-{program}')}/environ", "rb").read()
        for program in ("media", "signal")
    }
    for secret in (product.token.encode(), b"turn-credential"):
        assert secret in environments["signal"] and secret not in environments["media"]
