"""The work of one process: what to ask for, by how many users, for how long."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """`concurrency` users ask for `url` in closed loops; `size` bytes come back.

    `seconds` are measured, after a warm-up.
    """

    url: str
    concurrency: int
    seconds: float
    size: int

    @property
    def http2(self) -> bool:
        """Whether the server speaks HTTP/2 there: over TLS it does, in the clear it does not."""
        return self.url.startswith("https:")

    @classmethod
    def from_command_line(cls) -> "Job":
        """The job that the arguments URL CONCURRENCY SECONDS SIZE name."""
        url, concurrency, seconds, size = sys.argv[1:]
        return cls(url, int(concurrency), float(seconds), int(size))
