"""How acurl's memory grows when nobody listens: arguments WARM COUNT, in refusals."""

import asyncio
import json
import socket
import sys

import acurl
from bench.peers.closed_loop import run
from bench.peers.resident import resident_bytes

USERS = 20


async def refusals(wrapper: acurl.CurlWrapper, url: str, count: int) -> int:
    """Has so many connections refused; returns the bytes resident after them."""

    async def user() -> None:
        session = wrapper.session()
        for _ in range(count // USERS):
            try:
                await session.get(url)
            except acurl.ConnectError:
                continue
            raise SystemExit("a connection was not refused: this run does not count")
        session.close()

    await asyncio.gather(*(user() for _ in range(USERS)))
    return resident_bytes()


async def main() -> None:
    """Prints the growth as a JSON line; the port is bound, so that nobody else can listen on it."""
    warm, count = int(sys.argv[1]), int(sys.argv[2])
    wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        before = await refusals(wrapper, url, warm)
        after = await refusals(wrapper, url, count)
    print(json.dumps({"before": before, "after": after, "count": count}))
    wrapper.close()


if __name__ == "__main__":
    run(main)
