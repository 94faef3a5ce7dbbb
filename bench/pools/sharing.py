"""What sharing connections saves: a hundred users in one process and in ten."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.cell import Cell
from bench.peer import CURL
from bench.peers.pools.job import PoolJob
from bench.pools.figures import middle
from bench.pools.kernel import Watch
from bench.pools.observer import Witness
from bench.pools.program import Reading, read
from bench.server import Server

USERS = 100
PROCESSES = (1, 10)
OPTIONS = ("shared", "session", "request")

DELAY = 0.005
"""Seconds the server takes for an answer over HTTP/1.1."""
PAUSE = 0.195
"""Mean seconds that a user pauses between two requests: it is busy for a fortieth of its time."""
CEILING = 10
"""Most connections in all processes together, where there is a ceiling."""
LATE = 0.5
"""Seconds after the common start at which a process may begin at the latest."""
GRACE = 25.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Over "h1" or "h2", users who pause or never do, in so many processes; acurl's options.

    `maximum` is each process's ceiling on open connections, or None.
    """

    protocol: str
    pausing: bool
    processes: int
    connections: str
    maximum: int | None = None

    @property
    def options(self) -> str:
        """As the table has them."""
        if self.maximum is None:
            return self.connections
        return f"{self.connections}, {self.maximum} at most"

    @property
    def title(self) -> str:
        """As the table has it."""
        protocol = "HTTP/2 over TLS" if self.protocol == "h2" else "HTTP/1.1"
        return f"{protocol}, {'pausing' if self.pausing else 'never pausing'}"


def settings() -> list[Setting]:
    """All that is run in a round; users who never pause open thousands with "request"."""
    found = []
    for protocol, pausing in (("h1", True), ("h1", False), ("h2", True)):
        for processes in PROCESSES:
            options = OPTIONS if pausing else OPTIONS[:2]
            found += [Setting(protocol, pausing, processes, option) for option in options]
            if protocol == "h1":
                ceiling = CEILING // processes
                found.append(Setting(protocol, pausing, processes, OPTIONS[0], ceiling))
    return found


@dataclass(frozen=True, slots=True)
class Share:
    """One run: connections accepted, and most at once; what each process printed."""

    setting: Setting
    round: int
    accepted: int
    most: int
    readings: Sequence[Reading] = field(default_factory=tuple)

    @property
    def invalid(self) -> str:
        """Why it does not count, or nothing."""
        broken = [reading.invalid for reading in self.readings if reading.invalid]
        if broken:
            return broken[0]
        begun = [reading.line["begun"] for reading in self.readings]
        late = max(begun) - min(begun)
        return f"the last process began {late:.1f} s after the first" if late > LATE else ""

    def each(self, name: str) -> float | None:
        """The median over the processes of a figure in KB."""
        return middle(reading.number(name) for reading in self.readings)

    def sum(self, name: str) -> float | None:
        """The sum over the processes of a figure in KB."""
        known = [reading.number(name) for reading in self.readings]
        return None if None in known else sum(value for value in known if value is not None)

    @property
    def rate(self) -> float | None:
        """Requests per second of all processes."""
        pairs = [
            (reading.number("requests"), reading.number("seconds")) for reading in self.readings
        ]
        return sum(count / took for count, took in pairs if count is not None and took)

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        setting = self.setting
        return {
            "setting": f"{setting.title}, {setting.processes} processes, {setting.options}",
            "round": self.round,
            "invalid": self.invalid,
            "accepted": self.accepted,
            "most_open": self.most,
            "told": [reading.line for reading in self.readings],
        }


def take(
    rounds: int, seconds: float, cores: tuple[int, int], say: Callable[[str], None]
) -> Iterator[Share]:
    """Runs every setting, round by round, each round beginning with another option."""
    plan = [(turn, setting) for turn in range(rounds) for setting in _rotated(turn)]
    with Witness(cores[1]) as witness, Server(cores[1]) as server:
        for done, (turn, setting) in enumerate(plan, 1):
            share = _one(turn, setting, seconds, cores[0], witness, server)
            said = share.invalid or f"accepted {share.accepted:,}, at once {share.most:,}"
            what = f"{setting.title}, {setting.processes} x {setting.options}"
            say(f"sharing {done}/{len(plan)}  {what}: {said}")
            yield share


def _rotated(turn: int) -> list[Setting]:
    every = settings()
    turn %= len(every)
    return every[turn:] + every[:turn]


def _one(
    turn: int, setting: Setting, seconds: float, core: int, witness: Witness, server: Server
) -> Share:
    if setting.protocol == "h1":
        witness.begin(DELAY)
        readings, _ = _processes(setting, seconds, core, witness.url, witness.port)
        sight = witness.look()
        return Share(setting, turn, sight.accepted, sight.peak_open, readings)
    server.settle()
    before = server.count().accepts
    url = server.url(Cell("h2", USERS))
    port = int(url.rpartition(":")[2].partition("/")[0])
    readings, most = _processes(setting, seconds, core, url, port)
    return Share(setting, turn, server.count().accepts - before - 1, most, readings)


def _processes(
    setting: Setting, seconds: float, core: int, url: str, port: int
) -> tuple[list[Reading], int]:
    """What each process printed, and the kernel's count of most connections at once."""
    count = setting.processes
    job = PoolJob(
        url,
        USERS // count,
        seconds,
        maximum=setting.maximum,
        start=time.monotonic() + 1.0 + 0.4 * count,
        pause=PAUSE if setting.pausing else 0.0,
        linger=0.3,
        connections=setting.connections,
    )

    def one(_number: int) -> Reading:
        return read(CURL, "acurl_client", [job.as_text()], core, seconds + GRACE)

    with Watch(port) as watch, ThreadPoolExecutor(count) as threads:
        readings = list(threads.map(one, range(count)))
    return readings, watch.most
