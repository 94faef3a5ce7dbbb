"""From a call of ctx.http.get to the request at the server: arguments URL COUNT.

The server answers with its monotonic clock as it was when the request was there.
"""

import json
import socket
import sys
import time
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from bench.peers.closed_loop import run
from mite.context import Context
from mite_http import mite_http

WARM = 300
"""Requests that come before those that count."""


@mite_http
async def journey(ctx: Any, url: str, count: int) -> list[float]:
    """Microseconds of each request on a warm pool, one after the other."""
    taken = []
    for _ in range(WARM + count):
        before = time.monotonic_ns()
        response = await ctx.http.get(url)
        taken.append((int(response.body) - before) / 1e3)
    return taken[WARM:]


def plain(url: str, count: int) -> list[float]:
    """The same for a send of a plain socket: what kernel and witness need."""
    place = urlsplit(url)
    taken = []
    with socket.create_connection((place.hostname, place.port)) as connection:
        for _ in range(WARM + count):
            before = time.monotonic_ns()
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            body = connection.recv(65536).rpartition(b"\r\n\r\n")[2]
            taken.append((int(body) - before) / 1e3)
    return taken[WARM:]


def summary(taken: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    return {"us": median(taken), "p99": quantiles(taken, n=100)[98]}


async def main() -> None:
    """Prints the client's figures and those of a plain socket."""
    url, count = sys.argv[1], int(sys.argv[2])
    floor = summary(plain(url, count))
    ours = summary(await journey(Context(lambda _message: None, {}), url, count))
    print(json.dumps({**ours, "plain_us": floor["us"], "plain_p99": floor["p99"]}))


if __name__ == "__main__":
    run(main)
