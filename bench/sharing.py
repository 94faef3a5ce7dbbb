"""What a process saves when its users share connections over HTTP/2."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.connections import outcome
from bench.server import Server

WAYS = {
    "apart": "each with a wrapper of its own",
    "session": 'one wrapper, connections="session"',
    "shared": "one wrapper, shared connections",
}
MOST_SHARED = 3
"""Connections that a hundred users may have between them."""


@dataclass(frozen=True, slots=True)
class Process:
    """A whole process of 100 users; `seen` are the connections that the server accepted."""

    way: str
    rss: int
    vms: int
    seen: int
    first: tuple[int, int, int]

    @property
    def kept(self) -> bool:
        """Whether as many connections were opened as this way of using them takes."""
        return self.seen <= MOST_SHARED if self.way == "shared" else self.seen == 100

    def __str__(self) -> str:
        now = (self.rss, self.vms, self.seen)
        less = [1 - have / before for have, before in zip(now, self.first, strict=True)]
        verdict = "yes" if self.kept else "NO "
        return (
            f"  {verdict}  100 users, {WAYS[self.way]}: RSS {self.rss / 1e6:.1f} MB ({less[0]:.0%} "
            f"less), VMS {self.vms / 1e6:.0f} MB ({less[1]:.0%} less), "
            f"{self.seen} connections ({less[2]:.0%} less)"
        )


def processes(server: Server, url: str, core: int) -> Iterator[Process]:
    """One for each way, compared with the first."""
    first = None
    for way, title in WAYS.items():
        before = server.accepted()
        found = outcome(["bench.peers.acurl_sharing", url, way], core, title)
        server.settle()
        now = (found["rss"], found["vms"], server.accepted() - before)
        first = first or now
        yield Process(way, *now, first)
