"""A backend that holds requests until it is told to answer: connections stay busy meanwhile.

Each has the head of its answer and one byte at once, and the rest when all are released.
"""

import asyncio
import json
import threading
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Self

PATH = "/held/"
"""`/held/100` is answered with 100 bytes, the last 99 once released."""

PEER = "x-peer"
"""The header in which the server before us says which connection a request came over."""


class Holder(AbstractContextManager["Holder"]):
    """Two ports, in a thread of its own: one that a server passes requests on to, one to be told.

    `control` takes lines: `wait N` is answered when N requests are held, with the connections that
    they came over, as the server in front named them; `release` answers them all.
    """

    def __init__(self) -> None:
        self.port = self.control = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="holder")

    def __repr__(self) -> str:
        return f"<Holder port={self.port} control={self.control}>"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _serve(self) -> None:
        # What is held, and who is told of it: changed on this thread's loop alone.
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._held: list[str] = []
        self._changed = asyncio.Condition()
        self._release = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        requests = await asyncio.start_server(self._hold, "127.0.0.1", 0, backlog=4096)
        control = await asyncio.start_server(self._obey, "127.0.0.1", 0)
        self.port = requests.sockets[0].getsockname()[1]
        self.control = control.sockets[0].getsockname()[1]
        self._started.set()
        await self._end.wait()
        requests.close()
        control.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _adopt(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._adopt()
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = int(head.split(" ", 2)[1].removeprefix(PATH))
                lines = (line.partition(": ") for line in head.split("\r\n")[1:])
                named = {name.lower(): value for name, _, value in lines}
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n-" % size)
                async with self._changed:
                    release = self._release
                    self._held.append(named.get(PEER, ""))
                    self._changed.notify_all()
                await release.wait()
                writer.write(bytes(size - 1))
                await writer.drain()
        writer.close()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._adopt()
        with suppress(asyncio.CancelledError):
            while line := (await reader.readline()).decode():
                order, _, number = line.strip().partition(" ")
                if order == "wait":
                    peers = await self._connections(int(number))
                    writer.write(json.dumps(peers).encode() + b"\n")
                else:
                    self._held.clear()
                    self._release.set()
                    self._release = asyncio.Event()
                    writer.write(b"released\n")
        writer.close()

    async def _connections(self, requests: int) -> list[str]:
        """Those of the requests that are held, once there are so many."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._held) >= requests)
            return sorted(set(self._held))
