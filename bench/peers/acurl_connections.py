"""What connections of acurl cost, busy and idle: arguments URL VERSION COUNT LOW WARM CONTROL.

URL and WARM (HTTP/2 without TLS) hold each request until the holder at port CONTROL answers it.
All handles and tasks that the requests need are made beforehand, by as many requests over a few
connections, so that the difference is the connections'.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import acurl
from bench.peers.closed_loop import run
from bench.peers.resident import Memory, memory

STREAMS = 100
SMALL, LARGE = 34, 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line says."""

    url: str
    version: Any
    count: int
    low_memory: bool
    warm: str
    control: int


class Holder:
    """The one that answers, seen from here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def wait(self, count: int) -> list[str]:
        """The connections that so many requests came over, once it has them."""
        self._writer.write(b"wait %d\n" % count)
        peers: list[str] = json.loads(await self._reader.readline())
        return peers

    async def release(self) -> None:
        """Have all of them answered."""
        self._writer.write(b"release\n")
        await self._reader.readline()


class Client:
    """A session, and how it makes so many requests at once and stands still in between."""

    def __init__(self, job: Job, holder: Holder) -> None:
        self._job, self._holder = job, holder
        self._wrapper = acurl.CurlWrapper(asyncio.get_running_loop(), job.count)
        self._session = self._wrapper.session(
            job.version, timeout=None, verify=False, low_memory=job.low_memory
        )

    async def held(self, url: str, size: int, **options: Any) -> tuple[Memory, list[str]]:
        """Memory while all requests wait for their answers, and the connections that they have."""
        count = self._job.count
        tasks = [
            asyncio.create_task(self._get(f"{url}{size}", size, **options)) for _ in range(count)
        ]
        waiting = asyncio.create_task(self._holder.wait(count))
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise SystemExit(f"a request ended too early: {next(t for t in tasks if t.done())}")
        found = memory()
        await self._holder.release()
        await asyncio.gather(*tasks)
        return found, waiting.result()

    async def _get(self, url: str, size: int, **options: Any) -> None:
        response = await self._session.get(url, discard_body=True, **options)
        if response.status_code != 200 or response.download_size != size:
            raise SystemExit(f"status {response.status_code}: this run does not count")

    async def reach(self, connections: int) -> Memory:
        """Memory when there are so many connections and all are idle."""
        while self._open() != (connections, 0):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)
        return memory()

    def _open(self) -> tuple[int, int]:
        counters = self._wrapper.stats()
        return counters.idle, counters.in_use

    async def evict(self) -> Memory:
        """Memory without connections."""
        self._wrapper.resize(max_connects=0)
        without = await self.reach(0)
        self._wrapper.resize(max_connects=self._job.count)
        return without

    def one_each(self) -> None:
        """From now on a connection carries one request."""
        self._wrapper.resize(max_streams=1)

    def close(self) -> None:
        """Ends the engine."""
        self._wrapper.close()


async def measure(job: Job) -> dict[str, Any]:
    """Memory at each station; `same` tells whether the connections stayed the same throughout."""
    streams = await asyncio.open_connection("127.0.0.1", job.control)
    client = Client(job, Holder(*streams))
    warm = {"http_version": "2-prior-knowledge", "low_memory": False}
    await client.held(job.warm, SMALL, **warm)  # libraries, tables, the loop's own buffers
    await client.evict()
    held, _ = await client.held(job.warm, SMALL, **warm)
    warmed = await client.evict()
    client.one_each()
    busy, peers = await client.held(job.url, SMALL)
    idle = await client.reach(job.count)
    _, again = await client.held(job.url, LARGE)
    used = await client.reach(job.count)
    client.close()
    streams[1].close()
    stations = {"held": held, "warmed": warmed, "busy": busy, "idle": idle, "used": used}
    witness = {"connections": len(peers), "same": peers == again}
    return {name: asdict(found) for name, found in stations.items()} | witness


async def main() -> None:
    """Prints what was measured as a JSON line."""
    url, version, count, low, warm, control = sys.argv[1:]
    job = Job(url, version, int(count), low == "low", warm, int(control))
    print(json.dumps({**await measure(job), "count": job.count}))


if __name__ == "__main__":
    run(main)
