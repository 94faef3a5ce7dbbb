"""Bodies in pieces, both ways, over each version of HTTP, with a server of its own mind: caddy."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

import acurl
from acurl.options import HttpVersion
from tests.acurl.conftest import RunWrapper
from tests.servers.caddy import Caddy
from tests.servers.certificates import Certificates

LARGE = b"0123456789abcdef" * (1 << 16)


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Caddy]:
    """One server for all."""
    server = Caddy(tmp_path_factory.mktemp("caddy"), certificates)
    yield server
    server.close()


@pytest.mark.parametrize("version", ["1.1", "2", "3"])
def test_answers(run_wrapper: RunWrapper, caddy: Caddy, version: HttpVersion) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(version, verify=str(caddy.ca_file))
        response = await session.get(f"{caddy.https}/large", stream=True)
        pieces = response.stream()
        read = await anext(pieces)
        await asyncio.sleep(0.05)  # a slow reader
        assert read + b"".join([piece async for piece in pieces]) == LARGE
        assert (response.http_version, response.download_size) == (version, len(LARGE))
        async with await session.get(f"{caddy.https}/large", stream=True) as response:
            assert LARGE.startswith(await anext(response.stream()))
        after = await session.get(f"{caddy.https}/small")
        assert after.reused == (version != "1.1")
        assert after.text.startswith("HTTP/")
        assert wrapper.stats().faults == 0

    run_wrapper(body)


@pytest.mark.parametrize("version", ["1.1", "2", "3"])
def test_bodies(run_wrapper: RunWrapper, caddy: Caddy, version: HttpVersion) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):  # caddy answers before it has them all
            yield LARGE[:65536]
            await asyncio.sleep(0)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(version, verify=str(caddy.ca_file))
        for options in ({"data": pieces()}, {"files": {"file": LARGE}}, {"data": [b"ab", b"cd"]}):
            response = await session.post(f"{caddy.https}/small", **options)
            assert (response.status_code, response.http_version) == (200, version)
        assert wrapper.stats().faults == 0

    run_wrapper(body)
