"""How acurl's memory grows from one request to a later one: arguments URL FIRST LAST."""

import asyncio
import json
import sys

import acurl
from bench.peers.closed_loop import run
from bench.peers.resident import resident_bytes

USERS = 100


class Steady:
    """A hundred users who share a budget of requests; ten requests have a session."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._wrapper = acurl.CurlWrapper(asyncio.get_running_loop())
        self._left = 0

    async def reach(self, requests: int) -> int:
        """Makes so many more requests; returns the bytes resident after them."""
        self._left = requests
        await asyncio.gather(*(self._user() for _ in range(USERS)))
        return resident_bytes()

    async def _user(self) -> None:
        while self._left > 0:
            session = self._wrapper.session(verify=False)
            for _ in range(min(10, self._left)):
                self._left -= 1
                response = await session.get(self._url)
                if response.status_code != 200 or not response.body:
                    raise SystemExit(f"status {response.status_code}: this run does not count")
            session.close()

    def close(self) -> None:
        """Ends the engine."""
        self._wrapper.close()


async def main() -> None:
    """Prints the growth as a JSON line."""
    url, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    steady = Steady(url)
    before = await steady.reach(first)
    after = await steady.reach(last - first)
    print(json.dumps({"before": before, "after": after, "count": last - first}))
    steady.close()


if __name__ == "__main__":
    run(main)
