import asyncio
import re
import tracemalloc

import pytest

from mite.memory import MemoryTracing
from tests.servers.loops import RunAsync


def test_the_line_that_holds_most_is_named_and_the_output_is_bounded() -> None:
    lines: list[str] = []
    tracing = MemoryTracing(lines.append)
    tracing.compare()
    assert lines == []
    tracing.start()
    held = [bytes(1_000_000), *(bytearray(n) for n in range(1000))]
    tracing.compare()
    more = bytes(3_000_000)
    tracing.stop()
    assert not tracemalloc.is_tracing()
    assert (len(held), len(more)) == (1001, 3_000_000)
    heads = [number for number, line in enumerate(lines) if line.startswith("memory since")]
    assert [lines[n].partition(":")[0] for n in heads] == [
        "memory since the start",
        "memory since the start",
        "memory since the last time",
    ]
    assert len(lines) <= 3 * 11
    worst = lines[heads[2] + 1]
    assert re.fullmatch(r" +\+2,929\.\d KiB +\+1 blocks  .*test_memory\.py:\d+", worst)
    assert repr(tracing) == "MemoryTracing(off)"


def test_it_compares_again_and_again(run_async: RunAsync) -> None:
    lines: list[str] = []
    tracing = MemoryTracing(lines.append)

    async def until_three() -> None:
        tracing.start()
        running = asyncio.create_task(tracing.run(0.001))
        async with asyncio.timeout(20):
            while sum("since the last time" in line for line in lines) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run_async(until_three())
    tracing.stop()
    assert sum("since the start" in line for line in lines) >= 3
