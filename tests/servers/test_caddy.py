"""caddy serves what it says, under each version, and its log and counter tell the truth."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pycurl
import pytest

from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificates

HTTP_1_1, HTTP_2_TLS, HTTP_2_PRIOR_KNOWLEDGE, HTTP_3_ONLY = 2, 4, 5, 31


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Caddy]:
    server = Caddy(tmp_path_factory.mktemp("caddy"), certificates)
    yield server
    server.close()


def get(url: str, version: int, ca_file: Path) -> bytes:
    """The body, by a client that is not ours."""
    body = BytesIO()
    client = pycurl.Curl()
    client.setopt(pycurl.URL, url)
    client.setopt(pycurl.HTTP_VERSION, version)
    client.setopt(pycurl.CAINFO, str(ca_file))
    client.setopt(pycurl.TIMEOUT, 10)
    client.setopt(pycurl.WRITEDATA, body)
    client.perform()
    client.close()
    return body.getvalue()


@pytest.mark.parametrize(
    ("origin", "version", "protocol"),
    [
        ("https", HTTP_1_1, "HTTP/1.1"),
        ("https", HTTP_2_TLS, "HTTP/2.0"),
        ("https", HTTP_3_ONLY, "HTTP/3.0"),
        ("h2c", HTTP_1_1, "HTTP/1.1"),
        ("h2c", HTTP_2_PRIOR_KNOWLEDGE, "HTTP/2.0"),
    ],
)
def test_speaks_and_logs(caddy: Caddy, origin: str, version: int, protocol: str) -> None:
    url = f"{getattr(caddy, origin)}/any?{origin}-{version}"
    assert get(url, version, caddy.ca_file) == f"{protocol}\n".encode()
    (logged,) = caddy.wait_requests(f"?{origin}-{version}", 1)
    assert (logged.protocol, logged.method, logged.status) == (protocol, "GET", 200)


def test_counts_what_is_not_logged(caddy: Caddy) -> None:
    before = caddy.answered()
    for version in (HTTP_2_TLS, HTTP_3_ONLY):
        get(f"{caddy.https}/bulk?unlogged", version, caddy.ca_file)
    assert caddy.answered() - before == 2
    get(f"{caddy.https}/behind-bulk", HTTP_3_ONLY, caddy.ca_file)
    caddy.wait_requests("/behind-bulk", 1)
    assert caddy.requests("unlogged") == []


def test_a_large_body(caddy: Caddy) -> None:
    assert len(get(f"{caddy.https}/large", HTTP_3_ONLY, caddy.ca_file)) == 1 << 20


def test_ends_by_its_pid(tmp_path: Path, certificates: Certificates) -> None:
    server = Caddy(tmp_path, certificates)
    pid = server.pid
    os.kill(pid, 0)
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "shutdown complete" in server.output()
