"""urllib3: one PoolManager that blocks when its pool is empty, and a thread per user."""

import threading
import time
from importlib.metadata import version

import urllib3
from urllib3.exceptions import EmptyPoolError

from bench.peers.pools.burst import BACK_OFF
from bench.peers.pools.job import PoolJob
from bench.peers.pools.tally import Tally
from bench.peers.urllib3_threads import STACK


def user(job: PoolJob, tally: Tally, pool: urllib3.PoolManager, end: float) -> None:
    """Asks one request after the other until the end."""
    while (began := time.monotonic()) < end:
        try:
            response = pool.request("GET", job.url, retries=False, pool_timeout=job.pool_timeout)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is counted
            if not tally.raised(began, error):
                time.sleep(BACK_OFF)
        else:
            tally.answered(began, response.status, len(response.data))


def main() -> None:
    """Runs the job of the command line."""
    job = PoolJob.from_command_line()
    tally = Tally((EmptyPoolError,))
    pool = urllib3.PoolManager(num_pools=1, maxsize=job.maximum or job.users, block=True)
    threading.stack_size(STACK)
    end = tally.begin() + job.seconds
    users = [
        threading.Thread(target=user, args=(job, tally, pool, end), daemon=True)
        for _ in range(job.users)
    ]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join()
    tally.end()
    time.sleep(job.linger)
    tally.report(version("urllib3"))


if __name__ == "__main__":
    main()
