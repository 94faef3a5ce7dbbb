"""A client that may open few descriptors, in a process of its own.

    python tests/faults/starved.py URL USERS MAX_CONNECTIONS

So many users ask without a pause, but for 0.1 s after a failure. Each line that it reads has it
tell, as JSON, what has become of them since the one before: answered, failed (by name and cause),
seconds, cpu (seconds), and stats of the pool. The end of its input ends it. MAX_CONNECTIONS 0 is no
ceiling.
"""

import asyncio
import json
import sys
import time
from collections import Counter

import acurl

seen: Counter[str] = Counter()
failed: Counter[str] = Counter()


async def user(wrapper: acurl.CurlWrapper, url: str, ends: asyncio.Event) -> None:
    session = wrapper.session(timeout=acurl.Timeout(10, pool=60))
    while not ends.is_set():
        try:
            await session.get(url)
            seen["answered"] += 1
        except acurl.AcurlError as error:
            failed[f"{type(error).__name__}: {error}"[:200]] += 1
            await asyncio.sleep(0.1)


async def main(url: str, users: str, ceiling: str) -> None:
    ends = asyncio.Event()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    with acurl.CurlWrapper(loop, max_connections=int(ceiling) or None) as wrapper:
        print("ready", flush=True)
        tasks: list[asyncio.Task[None]] = []
        begin, cpu = time.perf_counter(), time.process_time()
        while await reader.readline():
            tasks = tasks or [
                asyncio.create_task(user(wrapper, url, ends)) for _ in range(int(users))
            ]
            told = {"answered": seen["answered"], "failed": dict(failed)}
            told |= {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
            print(json.dumps(told | {"stats": wrapper.stats()._asdict()}), flush=True)
            begin, cpu = time.perf_counter(), time.process_time()
            seen.clear()
            failed.clear()
        ends.set()
        await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
