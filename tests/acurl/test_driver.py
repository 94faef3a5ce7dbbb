"""What crosses between the engine and the loop: one descriptor, few wake-ups, bodies on demand."""

import asyncio
import gc
import re
from pathlib import Path
from typing import Any

import pytest
from acurl._engine import lib

import acurl
from acurl.driver import refusal
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo
from tests.servers.loops import RunAsync
from tests.servers.nginx import Nginx


def resident_kib() -> int:
    """This process's resident memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def test_the_loop_watches_one_descriptor(nginx: Nginx) -> None:
    loop: Any = asyncio.SelectorEventLoop()
    watched = loop._selector.get_map()

    async def main() -> None:
        before = set(watched)
        with acurl.CurlWrapper(loop) as wrapper:
            session = wrapper.session(verify=False)
            gets = (session.get(f"{nginx.https}/bulk") for _ in range(50))
            await asyncio.gather(*gets, *(session.get(f"{nginx.http}/bulk") for _ in range(50)))
            assert wrapper.stats().opened > 10
            assert len(set(watched) - before) == 1

    loop.run_until_complete(main())
    loop.close()


def test_requests_of_one_pass_are_one_wake_up(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session("2-prior-knowledge")
        await session.get(f"{nginx.h2c}/bulk")
        before = wrapper.stats()
        await asyncio.gather(*(session.get(f"{nginx.h2c}/bulk") for _ in range(100)))
        after = wrapper.stats()
        assert after.finished - before.finished == 100
        assert after.drives - before.drives <= 100
        assert after.events - before.events <= 100

    run_wrapper(body)


def test_an_idle_engine_does_not_wake_the_loop(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(f"{nginx.http}/bulk")
        before = wrapper.stats().drives
        await asyncio.sleep(0.3)  # the silence is what is measured
        assert wrapper.stats().drives - before <= 3

    run_wrapper(body)


@pytest.mark.parametrize("read", [True, False])
def test_bodies_that_are_dropped_give_their_memory_back(
    run_wrapper: RunWrapper, nginx: Nginx, read: bool
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()

        async def rounds(count: int) -> None:
            for _ in range(count):
                gets = (session.get(f"{nginx.http}/large") for _ in range(10))
                for answer in await asyncio.gather(*gets):
                    assert not read or len(answer.body) == 1 << 20

        await rounds(3)
        gc.collect()
        before = resident_kib()
        await rounds(10)
        assert resident_kib() - before < 20 * 1024

    run_wrapper(body)


def test_a_body_is_copied_once(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        answer = await wrapper.session().get(f"{nginx.http}/large")
        assert answer.body is answer.body
        assert len(answer.text) == 1 << 20

    run_wrapper(body)


def test_closing_in_the_pass_of_a_request(run_async: RunAsync, echo: Echo) -> None:
    async def main() -> None:
        wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
        task = asyncio.ensure_future(wrapper.session().get(echo.url))
        await asyncio.sleep(0)
        wrapper.close()  # before the planned kick, which must find nothing to do
        with pytest.raises(acurl.EngineClosed):
            await task
        await asyncio.sleep(0)

    run_async(main())
    assert echo.accepted == 0


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (lib.ACURL_ENOMEM, MemoryError),
        (lib.ACURL_ECLOSED, acurl.EngineClosed),
        (lib.ACURL_ETHREAD, acurl.EngineMisuse),
        (lib.ACURL_EFORK, acurl.EngineMisuse),
        (lib.ACURL_EARGUMENT, acurl.RequestError),
        (lib.ACURL_ESYSTEM, acurl.AcurlError),
    ],
)
def test_every_refusal_is_an_exception(result: int, kind: type[Exception]) -> None:
    error = refusal(result)
    assert type(error) is kind
    assert str(error)
