"""What the engine is asked to do while a call of it, or of libcurl, fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

import acurl
from acurl.options import HttpVersion, OptionsBesidesVersion

LARGE = 1 << 20
FILE_SIZE = Path(__file__).stat().st_size
# When several transfers run and libcurl has no memory to note the sockets of one, it tells nobody:
# only the total limit of that transfer ends it.
BRIEF = acurl.Timeout(total=1.0)


@dataclass
class Stage:
    """One engine and the origins it talks to. Scenarios make the engine, so that that fails too."""

    origins: dict[str, str]
    ca_file: str
    wrapper: acurl.CurlWrapper | None = None
    sessions: list[acurl.Session] = field(default_factory=list)

    def pool(self, **limits: Any) -> acurl.CurlWrapper:
        if self.wrapper is None:
            loop = asyncio.get_running_loop()
            self.wrapper = acurl.CurlWrapper(loop, trust_env=False, **limits)
        return self.wrapper

    def session(
        self, version: HttpVersion = "auto", **options: Unpack[OptionsBesidesVersion]
    ) -> acurl.Session:
        wrapper = self.pool()
        chosen: OptionsBesidesVersion = {"verify": self.ca_file, "timeout": None}
        session = wrapper.session(version, **(chosen | options))
        self.sessions.append(session)
        return session

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        self.sessions.clear()
        if self.wrapper is not None:
            self.wrapper.close()


async def plain(stage: Stage) -> None:
    answer = await stage.session().get(stage.origins["http"] + "/small")
    assert answer.body == b"hello from nginx\n"


async def looked_up(stage: Stage) -> None:
    """A name, which libcurl looks up in a thread."""
    origin = stage.origins["http"].replace("127.0.0.1", "localhost")
    answer = await stage.session().get(origin + "/small")
    assert answer.body == b"hello from nginx\n"


async def large(stage: Stage) -> None:
    answer = await stage.session().get(stage.origins["http"] + "/large")
    assert len(answer.body) == LARGE


async def body(stage: Stage) -> None:
    sent = b"0123456789" * 20_000
    answer = await stage.session().put(stage.origins["http"] + "/sink", data=sent)
    assert answer.text == f"{len(sent)}\n"


async def cookies(stage: Stage) -> None:
    session = stage.session()
    headers = {"X-Test": "yes", "X-Other": "v" * 300}
    await session.get(stage.origins["http"] + "/cookie/set", headers=headers)
    shown = await session.get(stage.origins["http"] + "/cookie/show", cookies={"mine": "1"})
    sent = set(shown.text.strip().split("; "))
    assert sent <= {"", "mine=1", "flavour=oat", "scope=here"}, shown.text
    session.cookies()
    session.erase_all_cookies()


async def strangers(stage: Stage) -> None:
    """Whatever failed, the cookies of one user are not sent for another."""
    await ignored(stage.session().get(stage.origins["http"] + "/cookie/set"))
    await ignored(stage.session().get(stage.origins["http"] + "/cookie/set", cookies={"a": "1"}))
    shown = await stage.session().get(stage.origins["http"] + "/cookie/show")
    assert shown.text == "\n", shown.text


async def redirects(stage: Stage) -> None:
    answer = await stage.session().get(stage.origins["http"] + "/chain/2")
    assert answer.url.endswith("/chain/0")


async def refused(stage: Stage) -> None:
    session = stage.session()
    with contextlib.suppress(acurl.ConnectError):
        await session.get(stage.origins["closed"])
        raise AssertionError("a closed port answered")


async def late(stage: Stage) -> None:
    session = stage.session()
    with contextlib.suppress(acurl.TotalTimeout):
        await session.get(stage.origins["http"] + "/slow", timeout=0.01)
        raise AssertionError("a slow answer came in time")


async def cancelled(stage: Stage) -> None:
    session = stage.session(timeout=BRIEF)
    first = asyncio.ensure_future(session.get(stage.origins["http"] + "/slow"))
    second = asyncio.ensure_future(session.get(stage.origins["http"] + "/small"))
    await asyncio.wait([second])
    first.cancel()
    await asyncio.wait([first])
    second.result()
    if not first.cancelled():
        first.result()


async def together(stage: Stage) -> None:
    """Connections kept, shared and reused by several requests at once."""
    session = stage.session(timeout=BRIEF)
    for _ in range(2):
        asked = [session.get(stage.origins["http"] + "/small") for _ in range(4)]
        await settled(*asked)


async def http2(stage: Stage) -> None:
    session = stage.session(timeout=BRIEF)
    asked = [session.get(stage.origins["https"] + path) for path in ("/small", "/large")]
    await settled(*asked)


async def http2_in_clear(stage: Stage) -> None:
    session = stage.session("2-prior-knowledge", timeout=BRIEF)
    asked = [session.get(stage.origins["h2c"] + path) for path in ("/small", "/large")]
    await settled(*asked)


async def http3(stage: Stage) -> None:
    session = stage.session("3", timeout=BRIEF)
    asked = [session.get(stage.origins["quic"] + path) for path in ("/", "/large")]
    await settled(*asked)


async def streamed(stage: Stage) -> None:
    size = 0
    async with await stage.session().get(stage.origins["http"] + "/large", stream=True) as answer:
        async for piece in answer.stream():
            size += len(piece)
    assert size == LARGE, size


async def left_early(stage: Stage) -> None:
    async with await stage.session().get(stage.origins["http"] + "/slow", stream=True) as answer:
        async for piece in answer.stream():
            assert piece
            break


async def pieces() -> AsyncIterator[bytes]:
    for _ in range(6):
        yield b"0123456789" * 5000


async def uploaded(stage: Stage) -> None:
    answer = await stage.session().post(stage.origins["http"] + "/sink", data=pieces())
    assert answer.text.strip() in ("", "300000"), answer.text  # sent chunked, nginx may say nothing


async def form(stage: Stage) -> None:
    files = {"one": b"x" * 1000, "two": Path(__file__), "three": ("name", b"y", "text/plain")}
    session = stage.session()
    answer = await session.post(stage.origins["http"] + "/sink", data={"a": "b"}, files=files)
    assert int(answer.text) > 1000 + FILE_SIZE


async def private(stage: Stage) -> None:
    """Connections of one session, which end with it."""
    for _ in range(2):
        session = stage.session(connections="session", discard_body=True)
        for _ in range(2):
            answer = await session.get(stage.origins["https"] + "/large")
            assert answer.download_size == LARGE
        session.close()


async def queued(stage: Stage) -> None:
    """Some wait for a place, and one gives up."""
    stage.pool(max_connections=2, max_host_connections=1)
    session = stage.session(timeout=BRIEF)
    asked = [session.get(stage.origins["http"] + "/small") for _ in range(3)]
    asked.append(session.get(stage.origins["https"] + "/small"))
    tired = asyncio.ensure_future(session.get(stage.origins["http"] + "/small"))
    await asyncio.sleep(0)
    tired.cancel()
    await settled(*asked)


async def lanes(stage: Stage) -> None:
    """Each makes room for the next, in another lane."""
    stage.pool(max_connections=1)
    sessions = [stage.session(connections="lanes:2", timeout=BRIEF) for _ in range(2)]
    for origin in ("http", "https"):
        await settled(*(session.get(stage.origins[origin] + "/small") for session in sessions))


async def resized(stage: Stage) -> None:
    """Ceilings come while requests run, and go while others wait; idle connections end of them."""
    wrapper = stage.pool()
    session = stage.session(timeout=BRIEF)
    for limit in (None, 2, 1, None):
        wrapper.resize(max_connections=limit)
        asked = [
            asyncio.ensure_future(session.get(stage.origins[origin] + "/small"))
            for origin in ("http", "http", "https")
        ]
        await asyncio.sleep(0)
        wrapper.resize(max_host_connections=limit)
        await settled(*asked)
    wrapper.resize(max_connections=1, max_connects=0)
    await settled(session.get(stage.origins["http"] + "/text"))


async def ignored(asked: Awaitable[object]) -> None:
    with contextlib.suppress(acurl.AcurlError, MemoryError):
        await asked


async def settled(*asked: Awaitable[object]) -> None:
    """Waits for all, then raises what the first of them raised."""
    for result in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def probe(stage: Stage) -> None:
    """What must work again once nothing fails any more, on the engine that met the fault.

    nghttp2 without memory can spoil a connection for the request that comes next. That one may
    fail, and the connection with it.
    """
    session = stage.session(timeout=BRIEF)
    for origin in ("http", "https"):
        if origin == "https":
            await ignored(session.get(stage.origins[origin] + "/small"))
        answer = await session.get(stage.origins[origin] + "/small")
        assert answer.body == b"hello from nginx\n"


Scenario = Callable[[Stage], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        plain,
        looked_up,
        large,
        body,
        cookies,
        strangers,
        redirects,
        refused,
        late,
        cancelled,
        together,
        http2,
        http2_in_clear,
        http3,
        streamed,
        left_early,
        uploaded,
        form,
        private,
        queued,
        lanes,
        resized,
    )
}
