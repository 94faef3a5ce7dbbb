"""A body that is sent while its answer is read."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import acurl
from tests.acurl.conftest import RunWrapper
from tests.servers.h2raw import H2Connection, H2Server


class Odd(Exception):
    """What a source of a user's may raise."""


def echoing(connection: H2Connection) -> None:
    """Sends the pieces of each body back as they come."""
    for number in (1, 2):
        request = connection.requested(number, complete=False)[-1]
        connection.headers(request.stream)
        while not (request.complete or request.reset):
            if request.body:
                connection.data(request.stream, bytes(request.body))
                request.body.clear()
            if not connection.receive():
                return
        if request.complete:
            connection.data(request.stream, bytes(request.body), end=True)
    connection.until_gone()


@pytest.mark.parametrize("goes_wrong", [False, True])
def test_both_ways_at_once(run_wrapper: RunWrapper, *, goes_wrong: bool) -> None:
    async def body(wrapper: acurl.CurlWrapper, url: str) -> None:
        session = wrapper.session(http_version="2-prior-knowledge")
        words: asyncio.Queue[bytes] = asyncio.Queue()

        async def said() -> AsyncIterator[bytes]:
            while word := await words.get():
                yield word
            if goes_wrong:
                raise Odd

        async with await session.post(url, data=said(), stream=True) as response:
            pieces = response.stream()
            for word in (b"one", b"two"):
                words.put_nowait(word)
                assert await anext(pieces) == word
            words.put_nowait(b"")
            if goes_wrong:
                with pytest.raises(acurl.RequestError, match="iterator failed after 6 bytes"):
                    await anext(pieces)
            else:
                assert [piece async for piece in pieces] == []
        assert wrapper.stats().in_flight == 0

    with H2Server(echoing) as server:
        run_wrapper(lambda wrapper: body(wrapper, server.url))
    assert server.failures == []
