"""acurl without an event loop of one's own, and a session on the loop that runs already."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any, Unpack

from acurl.driver import run, running_loop
from acurl.errors import EngineMisuse, RequestError
from acurl.options import NAMES
from acurl.wrapper import CurlWrapper

if TYPE_CHECKING:
    from acurl.response import _Response
    from acurl.session import Session
    from acurl.wrapper import RequestOptions

_SESSION_OPTIONS = NAMES | {"headers", "params", "cookies", "auth"}
_WRAPPER_OPTIONS = signature(CurlWrapper).parameters.keys() - {"loop"} - _SESSION_OPTIONS


@asynccontextmanager
async def open_session(**options: Any) -> AsyncIterator[Session]:
    """A session with connections of its own, on the running loop; closed at the block's end.

    Takes the options of CurlWrapper and those of its `session()`. Raises TypeError for other
    names, RequestError for values that are not allowed.
    """
    unknown = sorted(options.keys() - _SESSION_OPTIONS - _WRAPPER_OPTIONS)
    if unknown:
        allowed = ", ".join(sorted(_SESSION_OPTIONS | _WRAPPER_OPTIONS))
        raise TypeError(f"there is no option {unknown[0]!r}; allowed are {allowed}")
    of_wrapper = {name: options.pop(name) for name in _WRAPPER_OPTIONS & options.keys()}
    loop = running_loop()
    if loop is None:
        raise EngineMisuse("acurl.open_session() needs a running event loop of asyncio or uvloop")
    with CurlWrapper(loop, **of_wrapper) as wrapper:
        session = wrapper.session(**options)
        try:
            yield session
        finally:
            session.close()


def request(method: str, url: str, **options: Unpack[RequestOptions]) -> _Response:
    """Send one request and wait for its answer; for scripts and prompts.

    Each call makes an event loop and its connections, and closes them. Options and errors are
    those of Session.request, without `stream`. Raises EngineMisuse where an event loop runs.
    """
    if running_loop() is not None:
        raise EngineMisuse(
            f"acurl.{method.lower()}() would block the event loop that runs here: use "
            "'async with acurl.open_session() as session' and await its requests"
        )
    if options.get("stream"):
        raise RequestError(
            "stream=True: needs an event loop: use 'async with acurl.open_session() as session'"
        )
    return run(_request(method, url, options))


async def _request(method: str, url: str, options: RequestOptions) -> _Response:
    # A session that closes what is its own keeps a copy of its cookies for `response.cookies`.
    async with open_session(connections="session") as session:
        return await session.request(method, url, **options)


def get(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """GET. See `request` for the options."""
    return request("GET", url, **options)


def head(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """HEAD. See `request` for the options."""
    return request("HEAD", url, **options)


def post(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """POST. See `request` for the options."""
    return request("POST", url, **options)


def put(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """PUT. See `request` for the options."""
    return request("PUT", url, **options)


def patch(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """PATCH. See `request` for the options."""
    return request("PATCH", url, **options)


def delete(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """DELETE. See `request` for the options."""
    return request("DELETE", url, **options)


def options(url: str, **options: Unpack[RequestOptions]) -> _Response:
    """OPTIONS. See `request` for the options."""
    return request("OPTIONS", url, **options)
