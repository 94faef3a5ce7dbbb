"""Bodies that are there at once: bytes, text, forms and JSON, and what is refused."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.acurl.uploads import Uploads

# What is made of a body does not reach the loop: one kind of loop is enough.
one_loop = pytest.mark.parametrize("run_async", ["uvloop"], indirect=True)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    """A server that takes bodies of any framing."""
    with Uploads() as server:
        yield server
    assert server.failures == []


SENT: list[tuple[dict[str, Any], bytes, str]] = [
    ({"data": b"a\0b"}, b"a\0b", FORM),
    ({"data": b""}, b"", FORM),
    ({"data": ""}, b"", FORM),
    ({"data": "ä\0"}, "ä\0".encode(), FORM),
    ({"data": bytearray(b"ab")}, b"ab", FORM),
    ({"data": memoryview(b"abcd")[1:3]}, b"bc", FORM),
    ({"data": {"a": 1, "b c": "ä&="}}, b"a=1&b+c=%C3%A4%26%3D", FORM),
    ({"data": {"a": [1, "2"], "b": b"\xff", "c": True}}, b"a=1&a=2&b=%FF&c=True", FORM),
    ({"data": [("a", "1"), ("a", "2")]}, b"a=1&a=2", FORM),
    ({"data": (("a", "1"),)}, b"a=1", FORM),
    ({"data": {}}, b"", FORM),
    ({"json": {"a": [1, None, "ä"]}}, b'{"a": [1, null, "\\u00e4"]}', JSON),
    ({"json": 0}, b"0", JSON),
    ({"json": []}, b"[]", JSON),
    ({"json": ""}, b'""', JSON),
    ({"json": "x", "headers": {"content-TYPE": "a/b"}}, b'"x"', "a/b"),
    ({"data": b"x", "headers": {"Content-Type": "a/b"}}, b"x", "a/b"),
    ({"data": b"x" * 2_000_000}, b"x" * 2_000_000, FORM),  # libcurl would ask for leave first
]


@one_loop
def test_what_is_sent(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for options, whole, _ in SENT:
            response = await session.post(uploads.url, **options)
            assert response.upload_size == len(whole)
        assert wrapper.stats().opened == 1

    run_wrapper(body)
    for (_, whole, content_type), upload in zip(SENT, uploads.received, strict=True):
        assert upload.body == whole
        assert upload.headers["content-length"] == str(len(whole))
        assert upload.headers["content-type"] == content_type
        assert not {"expect", "transfer-encoding"} & upload.headers.keys()


@one_loop
def test_a_body_is_what_it_was_when_it_was_given(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        changing = bytearray(b"before")
        waiting = wrapper.session().post(uploads.url, data=changing)
        changing[:] = b"later!"
        await waiting

    run_wrapper(body)
    assert uploads.received[0].body == b"before"


def endless(depth: list[Any]) -> list[Any]:
    depth.append(depth)
    return depth


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"data": 5}, r"data must be bytes, str, a dict \(sent as a form\), a file or .*, not 5$"),
    ({"data": 1.5}, "data must be bytes, .*, not 1.5$"),
    ({"data": "\ud800"}, "data: 'utf-8' codec can't encode"),
    ({"data": {"\ud800": 1}}, "data: 'utf-8' codec can't encode"),
    ({"data": b"", "json": {}}, "give data or json, not both"),
    ({"files": {}, "json": {}}, "give files or json, not both"),
    ({"json": {1, 2}}, "json: Object of type set is not JSON serializable"),
    ({"json": b"x"}, "json: Object of type bytes is not JSON serializable"),
    ({"json": endless([])}, "json: Circular reference detected"),
    ({"json": itertools.count()}, "json: Object of type count is not JSON serializable"),
]


@one_loop
def test_refusals(run_wrapper: RunWrapper, uploads: Uploads) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for options, message in REFUSED:
            with pytest.raises(acurl.RequestError, match=message):
                await session.post(uploads.url, **options)
        for options in ({"data": b""}, {"json": {}}, {"files": {"a": b""}}, {"data": iter([])}):
            with pytest.raises(acurl.RequestError, match="method HEAD cannot carry a body: leave"):
                await session.head(uploads.url, **options)

    run_wrapper(body)
    assert uploads.received == []
