"""acurl as a journey uses it: a session per user, status and body read of each response."""

import asyncio

import acurl
from bench.peers.closed_loop import closed_loop, run
from bench.peers.job import Job
from bench.peers.window import Window


async def main() -> None:
    """Runs the cell that the command line names."""
    job = Job.from_command_line()
    window = Window(job)
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop())

    async def user(index: int) -> None:
        session = wrapper.session(verify=False)
        get, url, size, good, bad = session.get, job.url, job.size, window.good, window.bad
        try:
            while window.running:
                response = await get(url)
                if response.status_code == 200 and len(response.body) == size:
                    good[index] += 1
                else:
                    bad[index] += 1
        finally:
            session.close()

    unfinished = await closed_loop(window, job.concurrency, user)
    window.report(unfinished, acurl.libcurl_version())
    wrapper.close()


if __name__ == "__main__":
    run(main)
