"""All that can be done with bodies, by many at once and in any order: nothing is mixed up."""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator
from typing import Literal

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.servers.nginx import Nginx

LARGE = b"0123456789abcdef" * (1 << 16)
PIECE = b"abcdefgh" * 4096
USERS, STEPS = 24, 12


class Fault(Exception):
    """What a source raises of itself."""


class User:
    """Does one thing after the other, and looks at what comes of it."""

    def __init__(self, session: acurl.Session, url: str, chance: random.Random) -> None:
        self._session = session
        self._url = url
        self._chance = chance

    async def live(self) -> None:
        acts = [
            self.read, self.read_whole, self.leave, self.drop, self.cancel, self.give_up_on_a_piece,
            self.send, self.send_wrong, self.cancel_sending, self.plain,
        ]  # fmt: skip
        for _ in range(STEPS):
            await self._chance.choice(acts)()

    async def read(self) -> None:
        response = await self._session.get(f"{self._url}/large", stream=True)
        seen = hashlib.sha256()
        async for piece in response.stream():
            seen.update(piece)
            await asyncio.sleep(0)
        assert seen.digest() == hashlib.sha256(LARGE).digest()

    async def read_whole(self) -> None:
        response = await self._session.get(f"{self._url}/large", stream=True)
        assert await response.read() == LARGE

    async def leave(self) -> None:
        async with await self._session.get(f"{self._url}/large", stream=True) as response:
            enough, read = self._chance.randrange(len(LARGE)), 0
            async for piece in response.stream():
                assert LARGE[read:].startswith(piece)
                read += len(piece)
                if read > enough:
                    break

    async def drop(self) -> None:
        await self._session.get(f"{self._url}/large", stream=True)

    async def cancel(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._chance.random() * 0.01):
                await self._session.get(f"{self._url}/large", stream=self._chance.random() < 0.5)

    async def give_up_on_a_piece(self) -> None:
        async with await self._session.get(f"{self._url}/large", stream=True) as response:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._chance.random() * 0.005):
                    await response.read()

    async def pieces(self, count: int, *, fails: bool = False) -> AsyncIterator[bytes]:
        for _ in range(count):
            if self._chance.random() < 0.2:
                await asyncio.sleep(0)
            yield PIECE
        if fails:
            raise Fault

    async def send(self) -> None:
        count = self._chance.randrange(40)
        response = await self._session.post(f"{self._url}/sink", data=self.pieces(count))
        assert response.text == f"{count * len(PIECE)}\n"

    async def send_wrong(self) -> None:
        source = self.pieces(self._chance.randrange(40), fails=True)
        with pytest.raises(acurl.RequestError, match="Fault"):
            await self._session.post(f"{self._url}/sink", data=source)

    async def cancel_sending(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._chance.random() * 0.01):
                await self._session.post(f"{self._url}/sink", data=self.pieces(1000))

    async def plain(self) -> None:
        response = await self._session.get(f"{self._url}/small")
        assert (response.status_code, len(response.body)) == (200, 17)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_storm(run_wrapper: RunWrapper, nginx: Nginx, version: Literal["1.1", "2"]) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        chance = random.Random(f"{version} {run_wrapper.loop_name}")
        trust = str(nginx.ca_file)
        users = [
            User(
                wrapper.session(version, verify=trust), nginx.https, random.Random(chance.random())
            )
            for _ in range(USERS)
        ]
        await asyncio.gather(*(user.live() for user in users))
        await until(lambda: wrapper.stats().in_flight == 0)
        assert wrapper.stats().faults == 0
        for user in users:
            await user.plain()

    run_wrapper(body)
