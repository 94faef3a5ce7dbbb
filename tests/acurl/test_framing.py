"""What users say of a body's length is true, or refused: else a body would be read as a request."""

from typing import Any

import pytest

import acurl
from acurl.request import build_request
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo

URL = "http://127.0.0.1:1/"


@pytest.mark.parametrize(
    ("headers", "options", "reason"),
    [
        ({"Content-Length": "2"}, {"data": b"GET /planted"}, "2 is not the body's length"),
        ({"content-length": "1"}, {}, "1 is not the body's length"),
        ({"Content-Length": "abc"}, {"data": iter([b"x"])}, "'abc' must be a whole number"),
        ({"Content-Length": "-5"}, {"data": iter([b"x"])}, "'-5' must be a whole number"),
        ({"Content-Length": "+5"}, {"data": iter([b"x"])}, "must be a whole number"),
        ({"Content-Length": "5, 5"}, {"data": iter([b"x"])}, "must be a whole number"),
        ({"Content-Length": ""}, {"data": iter([b"x"])}, "must be a whole number"),
        ({"Content-Length": "\u0663"}, {"data": b"abc"}, "must be a whole number"),
        ({"Content-Length": str(2**70)}, {"data": iter([b"x"])}, "must be a whole number"),
        ({"Content-Length": "9"}, {"files": {"a": b"x"}}, "a form, whose length is not known"),
        ({"Transfer-Encoding": "identity"}, {"data": iter([b"x"])}, "must be 'chunked'"),
        ({"Transfer-Encoding": "gzip"}, {"data": b"x"}, "must be 'chunked'"),
        ([("Content-Length", "5"), ("Content-Length", "3")], {"data": b"abc"}, "one of them"),
        ({"Transfer-Encoding": "chunked", "Content-Length": "1"}, {"data": b"x"}, "one of them"),
    ],
)
def test_refused(headers: Any, options: Any, reason: str) -> None:
    with pytest.raises(acurl.RequestError, match=reason):
        build_request("POST", URL, headers, **options)


def test_a_file_is_as_long_as_it_is(tmp_path: Any) -> None:
    (tmp_path / "body").write_bytes(b"GET /planted HTTP/1.1")
    with (tmp_path / "body").open("rb") as file, pytest.raises(acurl.RequestError, match="is not"):
        build_request("POST", URL, {"Content-Length": "2"}, data=file)


@pytest.mark.parametrize("method", ["CONNECT", b"CONNECT"])
def test_connect_is_for_proxies(method: Any) -> None:
    with pytest.raises(acurl.RequestError, match="method CONNECT: is for proxies"):
        build_request(method, URL)


def test_a_true_length_of_an_iterator_takes_the_place_of_chunks(
    run_wrapper: RunWrapper, echo: Echo
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        headers = {"Content-Length": "5"}
        await wrapper.session().post(echo.url, data=iter([b"ab", b"cde"]), headers=headers)

    run_wrapper(body)
    head, _, sent = echo.last().partition(b"\r\n\r\n")
    assert head.count(b"Content-Length: 5") == 1
    assert b"Transfer-Encoding" not in head
    assert sent == b"abcde"


class Lying(bytes):
    """Says that there is more of it than there is."""

    def __len__(self) -> int:
        return 60_000


def test_no_more_is_sent_than_there_is(run_wrapper: RunWrapper, echo: Echo) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().post(echo.url, data=Lying(b"hello"))

    run_wrapper(body)
    assert echo.last().endswith(b"\r\n\r\nhello")
