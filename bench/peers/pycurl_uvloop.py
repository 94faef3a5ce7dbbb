"""pycurl's CurlMulti on uvloop: handles set up once and reused, bodies joined to bytes."""

import asyncio
import contextlib

import pycurl

from bench.peers.closed_loop import run
from bench.peers.job import Job
from bench.peers.window import DRAIN_LIMIT, Window


class Transfers:
    """A multi handle on an event loop, and the easy handles that go round in it, one a user."""

    def __init__(self, job: Job, window: Window, loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._window = window
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self.live = job.concurrency
        self.idle = asyncio.Event()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, job.concurrency + 100)
        self._bodies: list[list[bytes]] = [[] for _ in range(job.concurrency)]
        self._index: dict[pycurl.Curl, int] = {}
        for index, chunks in enumerate(self._bodies):
            handle = self._handle(chunks)
            self._index[handle] = index
            self._multi.add_handle(handle)

    def _handle(self, chunks: list[bytes]) -> pycurl.Curl:
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, self._job.url)
        handle.setopt(pycurl.WRITEFUNCTION, chunks.append)
        handle.setopt(pycurl.SSL_VERIFYPEER, 0)
        handle.setopt(pycurl.SSL_VERIFYHOST, 0)
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.PIPEWAIT, 1)
        handle.setopt(pycurl.NOSIGNAL, 1)
        return handle

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
        while True:
            left, done, failed = self._multi.info_read()
            for handle in done:
                self._finish(handle)
            for handle, code, text in failed:
                self._window.fail(
                    self._index[handle], RuntimeError(f"curl failed with code {code}: {text}")
                )
                self._again(handle)
            if not left:
                return

    def _finish(self, handle: pycurl.Curl) -> None:
        index = self._index[handle]
        chunks = self._bodies[index]
        body = b"".join(chunks)
        chunks.clear()
        if handle.getinfo(pycurl.RESPONSE_CODE) == 200 and len(body) == self._job.size:
            self._window.good[index] += 1
        else:
            self._window.bad[index] += 1
        self._again(handle)

    def _again(self, handle: pycurl.Curl) -> None:
        self._multi.remove_handle(handle)
        if self._window.running:
            self._multi.add_handle(handle)
        else:
            self.live -= 1
            if not self.live:
                self.idle.set()


async def main() -> None:
    """Runs the cell that the command line names."""
    job = Job.from_command_line()
    window = Window(job)
    transfers = Transfers(job, window, asyncio.get_running_loop())
    for pause in window.phases():
        await asyncio.sleep(pause)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(transfers.idle.wait(), DRAIN_LIMIT)
    window.report(transfers.live, pycurl.version_info()[1])


if __name__ == "__main__":
    run(main)
