"""Reading what a client sent, bounded, and refusing what makes no sense in words that help."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mite.demo.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MAX_BODY = 8 * 1024 * 1024


async def read(request: Request) -> bytes:
    """The whole body, or a RefusalError 413 beyond 8 MiB."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_BODY:
            chunks.append(chunk)
    # Only now: an answer amid the upload would reset the stream, and the client not see it.
    if size > MAX_BODY:
        raise RefusalError(413, f"the body of {size} bytes is over the {MAX_BODY} read here")
    return b"".join(chunks)


async def fields(request: Request) -> Mapping[str, Any]:
    """The fields of a form or a JSON object, whichever came; else a RefusalError 400."""
    body = await read(request)
    try:
        kind = request.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RefusalError(400, "the body must be a JSON object, or a form and say so")
    return document


def text_field(given: Mapping[str, Any], name: str) -> str:
    """A field that must be a string."""
    value = given.get(name)
    if not isinstance(value, str):
        raise RefusalError(400, f"field {name!r} must be a string, not {value!r:.60}")
    return value


def whole_number(value: object, name: str, low: int, high: int) -> int:
    """A number from a path, a form or JSON, within `low` to `high`."""
    digits = str(value)
    if digits.isascii() and digits.isdigit() and len(digits) <= 12 and low <= int(digits) <= high:
        return int(digits)
    message = f"{name} must be a whole number from {low} to {high}, not {value!r:.60}"
    raise RefusalError(400, message)
