"""hypercorn serves each version, and its log tells which."""

from collections.abc import Iterator

import pytest

from tests.servers.asgi import AsgiServer
from tests.servers.certificates import Certificates
from tests.servers.test_caddy import (
    HTTP_1_1,
    HTTP_2_PRIOR_KNOWLEDGE,
    HTTP_2_TLS,
    HTTP_3_ONLY,
    get,
)


@pytest.fixture(scope="module")
def asgi(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[AsgiServer]:
    server = AsgiServer(tmp_path_factory.mktemp("asgi"), certificates)
    yield server
    server.close()


@pytest.mark.parametrize(
    ("origin", "version", "told"),
    [
        ("https", HTTP_1_1, "1.1"),
        ("https", HTTP_2_TLS, "2"),
        ("https", HTTP_3_ONLY, "3"),
        ("h2c", HTTP_1_1, "1.1"),
        ("h2c", HTTP_2_PRIOR_KNOWLEDGE, "2"),
    ],
)
def test_speaks_and_logs(asgi: AsgiServer, origin: str, version: int, told: str) -> None:
    url = f"{getattr(asgi, origin)}/any?{origin}-{version}"
    assert get(url, version, asgi.ca_file) == f"{told}\n".encode()
    (logged,) = asgi.wait_requests(f"?{origin}-{version}", 1)
    assert (logged.version, logged.method, logged.status) == (told, "GET", 200)
