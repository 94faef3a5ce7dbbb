"""acurl 1.2.1 from the registry, used as its own framework uses it: a session per user."""

import asyncio
import ctypes

import acurl
from bench.peers.closed_loop import closed_loop, run
from bench.peers.job import Job
from bench.peers.window import Window


def libcurl_version() -> str:
    """The version of the system's libcurl, which this acurl is linked to."""
    version = ctypes.CDLL("libcurl.so.4").curl_version
    version.restype = ctypes.c_char_p
    text: bytes = version()
    return text.decode().split()[0].partition("/")[2]


async def main() -> None:
    """Runs the cell that the command line names."""
    job = Job.from_command_line()
    window = Window(job)
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop())

    async def user(index: int) -> None:
        session = wrapper.session()
        get, url, size, good, bad = session.get, job.url, job.size, window.good, window.bad
        while window.running:
            response = await get(url)
            if response.status_code == 200 and len(response.body) == size:
                good[index] += 1
            else:
                bad[index] += 1

    window.report(await closed_loop(window, job.concurrency, user), libcurl_version())


if __name__ == "__main__":
    run(main)
