"""The work of one process: who asks for what, through a pool of which size, for how long."""

import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolJob:
    """`users` ask for `url` one request after the other for `seconds`, through one pool.

    The pool may open `maximum` connections (None: any number) and keep `keep` idle ones.
    `pool_timeout` is how long a request may wait for one. Users begin at `start`, a reading of the
    monotonic clock (0: at once), and pause between two requests for `pause` seconds on average.
    Afterwards the process stays for `linger` seconds with its pool open. `connections` is acurl's
    option.
    """

    url: str
    users: int
    seconds: float
    maximum: int | None = None
    keep: int | None = None
    pool_timeout: float = 30.0
    start: float = 0.0
    pause: float = 0.0
    linger: float = 1.3
    connections: str = "shared"

    def as_text(self) -> str:
        """The job as a command line carries it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_command_line(cls) -> "PoolJob":
        """The job that the only argument describes."""
        return cls(**json.loads(sys.argv[1]))
