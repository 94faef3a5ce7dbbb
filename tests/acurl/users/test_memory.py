"""What requests needed is given back when they end, however large it was."""

import asyncio
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.memory import resident
from tests.acurl.users.ledger import Ledger, Line, keeping

NEVER = acurl.Timeout(None, total=None)


async def forms(wrapper: acurl.CurlWrapper, ledger: Ledger, count: int) -> None:
    files = [(f"field{number}", b"x" * 100) for number in range(500)]
    for _ in range(count):
        await wrapper.session().post(ledger.url, files=files)


async def uploads(wrapper: acurl.CurlWrapper, ledger: Ledger, count: int) -> None:
    session = wrapper.session(timeout=NEVER)
    for _ in range(count):
        data = iter([b"x" * (1 << 19)])
        task = asyncio.ensure_future(session.post(f"{ledger.url}/hold", data=data))
        await until(lambda: ledger.open == 1)
        await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: ledger.open == 0)


async def lists(wrapper: acurl.CurlWrapper, ledger: Ledger, count: int) -> None:
    for number in range(count):
        led = {f"host{other}.of{number}.test:80": "127.0.0.1:1" for other in range(4000)}
        await wrapper.session(connect_to=led).get(ledger.url)
        wrapper._known.clear()
        wrapper._settings.clear()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("visits", "count"),
    [(forms, 150), (uploads, 100), (lists, 80)],
)
def test_what_requests_held_is_given_back(run_wrapper: RunWrapper, visits: Any, count: int) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with keeping(Line) as ledger:
            await visits(wrapper, ledger, 10)
            before = resident()
            await visits(wrapper, ledger, count)
            for line in ledger.lines:
                line.forget()
            assert resident() - before < 5 << 20

    run_wrapper(body)
