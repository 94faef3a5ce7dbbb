import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from mite.exceptions import ConfigurationError
from mite.webhook import Webhook


class Service(HTTPServer):
    """Writes down what it is told, and answers as each path's pair of status and body says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.told: list[tuple[str, Any]] = []
        self.answers = {"/log/start": (200, b'{"newid": 7}'), "/log/end": (204, b"")}
        self.url = f"http://127.0.0.1:{self.server_port}/log"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        service = self.server
        assert isinstance(service, Service)
        content = self.rfile.read(int(self.headers["Content-Length"]))
        service.told.append((self.path, json.loads(content)))
        status, body = service.answers[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Nothing: standard error belongs to the tests."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.mark.parametrize("slash", ["", "/"])
def test_start_and_end_are_told(
    service: Service, caplog: pytest.LogCaptureFixture, slash: str
) -> None:
    hook = Webhook(service.url + slash)
    hook.start("j:a")
    hook.end()
    assert service.told == [("/log/start", {"testname": "j:a"}), ("/log/end", {"id": 7})]
    assert caplog.records == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (201, b'{"newid": 7}', "it answered 201"),
        (500, b"", "it answered 500"),
        (200, b"{}", 'its answer has no "newid"'),
        (200, b"[]", 'its answer has no "newid"'),
        (200, b"oh", "Expecting value"),
    ],
)
def test_a_start_that_is_not_logged_is_one_sentence(
    service: Service, status: int, body: bytes, words: str
) -> None:
    service.answers["/log/start"] = (status, body)
    with pytest.raises(ConfigurationError) as raised:
        Webhook(service.url).start("j:a")
    (sentence,) = raised.value.sentences
    assert sentence.startswith(
        f"the start of the test cannot be logged at {service.url}/start: {words}"
    )


def test_a_dead_service_is_one_sentence(dead_url: str) -> None:
    with pytest.raises(ConfigurationError, match="Connection refused"):
        Webhook(dead_url).start("j:a")


@pytest.mark.parametrize("status", [200, 503])
def test_an_end_that_is_not_logged_is_a_warning(
    service: Service, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    service.answers["/log/end"] = (status, b"")
    Webhook(service.url).end()
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"the end of the test cannot be logged at {service.url}/end: "
    )
    assert str(status) in record.getMessage()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "localhost:80", ""])
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must begin with http"):
        Webhook(url)
