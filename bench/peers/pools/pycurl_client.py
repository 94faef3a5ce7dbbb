"""pycurl: one CurlMulti on uvloop, its own queue behind M_MAX_TOTAL_CONNECTIONS."""

import asyncio

import pycurl

from bench.peers.closed_loop import run
from bench.peers.pools.burst import Answer, burst
from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally


class Late(Exception):
    """libcurl gave up before the request was sent."""


class Multi:
    """A multi handle that an event loop drives, and an easy handle per user."""

    def __init__(self, job: PoolJob) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[pycurl.Curl, asyncio.Future[None]] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, job.maximum or 0)
        if job.keep is not None:
            self._multi.setopt(pycurl.M_MAXCONNECTS, job.keep)
        self._bodies: list[list[bytes]] = [[] for _ in range(job.users)]
        self._handles = [_handle(job, chunks) for chunks in self._bodies]

    async def ask(self, index: int) -> Answer:
        """One request of the user of that index."""
        handle, chunks = self._handles[index], self._bodies[index]
        chunks.clear()
        done = self._waiting[handle] = self._loop.create_future()
        self._multi.add_handle(handle)
        await done
        wait = handle.getinfo(pycurl.QUEUE_TIME_T) / 1e6
        return handle.getinfo(pycurl.RESPONSE_CODE), len(b"".join(chunks)), wait

    def _on_socket(self, what: int, descriptor: int, multi: pycurl.CurlMulti, data: object) -> None:
        if what in (pycurl.POLL_IN, pycurl.POLL_INOUT):
            self._loop.add_reader(descriptor, self._ready, descriptor, pycurl.CSELECT_IN)
        else:
            self._loop.remove_reader(descriptor)
        if what in (pycurl.POLL_OUT, pycurl.POLL_INOUT):
            self._loop.add_writer(descriptor, self._ready, descriptor, pycurl.CSELECT_OUT)
        else:
            self._loop.remove_writer(descriptor)

    def _on_timer(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if milliseconds >= 0:
            self._timer = self._loop.call_later(
                milliseconds / 1000, self._ready, pycurl.SOCKET_TIMEOUT, 0
            )

    def _ready(self, descriptor: int, events: int) -> None:
        self._multi.socket_action(descriptor, events)
        left = 1
        while left:
            left, done, failed = self._multi.info_read()
            for handle in done:
                self._finish(handle, None)
            for handle, code, text in failed:
                late = code == pycurl.E_OPERATION_TIMEDOUT
                error = Late(text) if late else RuntimeError(f"code {code}: {text}")
                self._finish(handle, error)

    def _finish(self, handle: pycurl.Curl, error: Exception | None) -> None:
        self._multi.remove_handle(handle)
        future = self._waiting.pop(handle)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _handle(job: PoolJob, chunks: list[bytes]) -> pycurl.Curl:
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, job.url)
    handle.setopt(pycurl.WRITEFUNCTION, chunks.append)
    handle.setopt(pycurl.PROXY, "")
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(job.pool_timeout * 1000))
    return handle


async def main() -> None:
    """Runs the job of the command line."""
    job = PoolJob.from_command_line()
    tally = Tally((Late,))
    multi = Multi(job)
    await burst(job, tally, multi.ask)
    words = pycurl.version.replace("/", " ").split()
    tally.report(f"{words[1]} (libcurl {words[3]})")


if __name__ == "__main__":
    run(main)
