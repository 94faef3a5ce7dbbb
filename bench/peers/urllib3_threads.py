"""urllib3: one PoolManager, a thread per user."""

import os
import threading
import time

import urllib3

from bench.peers.job import Job
from bench.peers.window import DRAIN_LIMIT, Window

STACK = 256 << 10
"""Bytes of stack of each thread."""


def persist(index: int, job: Job, window: Window, pool: urllib3.PoolManager) -> None:
    """The user of that index, while the window is running."""
    while window.running:
        try:
            response = pool.request("GET", job.url, retries=False)
            good = response.status == 200 and len(response.data) == job.size
        except Exception as error:  # noqa: BLE001 - whatever a client raises is counted
            window.fail(index, error)
            time.sleep(0.05)
        else:
            (window.good if good else window.bad)[index] += 1


def main() -> None:
    """Runs the cell that the command line names."""
    job = Job.from_command_line()
    window = Window(job)
    pool = urllib3.PoolManager(num_pools=1, maxsize=job.concurrency)
    threading.stack_size(STACK)
    users = [
        threading.Thread(target=persist, args=(index, job, window, pool), daemon=True)
        for index in range(job.concurrency)
    ]
    for thread in users:
        thread.start()
    for pause in window.phases():
        time.sleep(pause)
    limit = time.monotonic() + DRAIN_LIMIT
    for thread in users:
        thread.join(max(0.0, limit - time.monotonic()))
    window.report(sum(thread.is_alive() for thread in users))
    os._exit(0)


if __name__ == "__main__":
    main()
