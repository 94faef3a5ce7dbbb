"""What a process of 100 users has in memory: arguments URL HOW.

HOW is "apart" (each has a wrapper of his own), "session" (each has connections of his own in one
wrapper) or "shared" (all have all connections). All wait for their answers at once, twice.
"""

import asyncio
import json
import sys
from typing import Any

import acurl
from bench.peers.closed_loop import run
from bench.peers.resident import memory

USERS = 100


async def main() -> None:
    """Prints memory and connections as a JSON line."""
    url, how = sys.argv[1:]
    loop = asyncio.get_running_loop()
    wrappers = [acurl.CurlWrapper(loop) for _ in range(USERS if how == "apart" else 1)]
    connections: Any = "session" if how == "session" else "shared"
    sessions = [
        wrappers[index % len(wrappers)].session(verify=False, connections=connections)
        for index in range(USERS)
    ]
    for _ in range(2):
        answers = await asyncio.gather(*(session.get(url) for session in sessions))
        if {answer.status_code for answer in answers} != {200}:
            raise SystemExit("a request failed: this run does not count")
    found = memory()
    counters = [wrapper.stats() for wrapper in wrappers]
    standing = sum(one.in_use + one.idle for one in counters)
    print(json.dumps({"rss": found.rss, "vms": found.vms, "connections": standing}))
    for wrapper in wrappers:
        wrapper.close()


if __name__ == "__main__":
    run(main)
