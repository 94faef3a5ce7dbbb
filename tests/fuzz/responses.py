"""Fuzz target: what a response makes of header and body bytes."""

import contextlib
from typing import Any

from acurl._engine import ffi

from acurl import Request
from acurl.response import _Response


def record(header: bytes, body: bytes) -> bytes:
    """The record that the engine would give."""
    fields: Any = ffi.new("acurl_record *")
    fields.status = 200
    fields.header_len = len(header)
    fields.body_len = len(body)
    return bytes(ffi.buffer(fields)) + header + body


def try_response(data: bytes) -> None:
    """All is readable whatever the server said; JSON that is none is a ValueError."""
    header, _, body = data.partition(b"\n\n")
    response = _Response(record(header, body), Request(b"GET", "http://fuzz.test/"))
    assert response.header.encode("latin-1").startswith(header)
    lines = header.count(b"\n")
    assert len(response.headers_tuple) <= lines
    assert len(response.headers) <= len(response.headers_tuple)
    assert all("\n" not in name + value for name, value in response.headers_tuple)
    assert response.body == body
    assert isinstance(response.text, str)
    b"".decode(response.encoding)
    with contextlib.suppress(ValueError):
        response.json()
    repr(response)
