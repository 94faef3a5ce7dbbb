"""What it costs acurl to let users queue, and to have thousands of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import gettempdir
from typing import Any

from bench import physical
from bench.cell import SMALL, Cell
from bench.peer import CURL
from bench.pools.figures import middle, quotient, sheet, text
from bench.process import run
from bench.sample import Sample, judge
from bench.server import Server
from bench.table import QUIET

GRACE = 13.0
"""Seconds beyond the measured ones that a process may take."""


@dataclass(frozen=True, slots=True)
class Load:
    """`users` over "h1" or "h2" with acurl's option connections= and a ceiling (0: none).

    The client "wrk" has neither: it shows what more connections cost the kernel.
    """

    protocol: str
    users: int
    connections: str = "shared"
    maximum: int = 0
    client: str = "acurl"

    @property
    def title(self) -> str:
        """As the table has it."""
        if self.client != "acurl":
            return f"{self.protocol}, {self.users:,} users, {self.client}"
        ceiling = f"{self.maximum} connections" if self.maximum else "no ceiling"
        return f"{self.protocol}, {self.users:,} users, {self.connections}, {ceiling}"


@dataclass(frozen=True, slots=True)
class Ratio:
    """CPU per request of one load as a multiple of another's; None is no promise."""

    load: Load
    against: Load
    bound: float | None


QUEUE = Load("h1", 2000, maximum=20)
RATIOS = (
    Ratio(QUEUE, Load("h1", 20), 1.10),
    Ratio(QUEUE, Load("h1", 2000), None),
    Ratio(Load("h1", 3000, "session"), Load("h1", 100, "session"), 1.3),
    Ratio(Load("h1", 3000, "lanes:8"), Load("h1", 100, "lanes:8"), 1.3),
    Ratio(Load("h1", 3000), Load("h1", 100), None),
    Ratio(Load("h2", 3000), Load("h2", 100), 1.45),
    Ratio(Load("h1", 3000, client="wrk"), Load("h1", 100, client="wrk"), None),
)
LOADS = tuple(dict.fromkeys(load for ratio in RATIOS for load in (ratio.load, ratio.against)))


@dataclass(frozen=True, slots=True)
class Run:
    """One load in one round."""

    load: Load
    round: int
    sample: Sample

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        return {"load": self.load.title, "round": self.round, "sample": asdict(self.sample)}


def take(
    rounds: int, seconds: float, cores: tuple[int, int], say: Callable[[str], None]
) -> Iterator[Run]:
    """Runs every load, round by round, twice as many as asked for: it is short, and noise shows."""
    rounds *= 2
    total = rounds * len(LOADS)
    with Server(cores[1]) as server:
        for turn in range(rounds):
            for done, load in enumerate(order(turn), turn * len(LOADS) + 1):
                found = Run(load, turn, _sample(load, seconds, cores[0], server))
                said = found.sample.invalid or text(found.sample.cpu_us, ".1f", " us")
                say(f"queueing {done}/{total}  {load.title}: {said}")
                yield found


def order(turn: int) -> list[Load]:
    """What is compared runs one after the other, the other way round in every second round."""
    first = turn % len(RATIOS)
    pairs = [(ratio.load, ratio.against) for ratio in RATIOS[first:] + RATIOS[:first]]
    return list(dict.fromkeys(load for pair in pairs for load in pair[:: -1 if turn % 2 else 1]))


def _sample(load: Load, seconds: float, core: int, server: Server) -> Sample:
    server.settle()
    before = server.count()
    cell = Cell(load.protocol, load.users)
    command = _command(load, server.url(cell), seconds)
    outcome = run(command, core, seconds + GRACE, Path(gettempdir()))
    if load.client == "wrk":
        return physical.judge(outcome, before, server.count(), cell)
    return judge(outcome, before, server.count())


def _command(load: Load, url: str, seconds: float) -> list[str]:
    if load.client == "wrk":
        return physical.wrk_command(Cell(load.protocol, load.users), url, seconds)
    job = [url, str(load.users), str(seconds), str(SMALL), load.connections, str(load.maximum)]
    return [str(CURL.python), "-P", "-m", "bench.peers.pools.load", *job]


def _cpu(runs: Sequence[Run], load: Load, turn: int) -> float | None:
    found = [r.sample for r in runs if (r.load, r.round) == (load, turn)]
    return found[0].cpu_us if found and not found[0].invalid else None


def measured(runs: Sequence[Run], ratio: Ratio) -> list[float]:
    """The rounds' ratios."""
    found = (
        quotient(_cpu(runs, ratio.load, turn), _cpu(runs, ratio.against, turn))
        for turn in {r.round for r in runs}
    )
    return [value for value in found if value is not None]


def lines(runs: Sequence[Run]) -> Iterator[str]:
    """The loads, and the ratios with their bounds."""
    yield "CPU per request of thousands of users, nginx as server"
    yield from sheet(
        ("load", "CPU us", "requests/s", "accepted", "peak MB"),
        [_row(runs, load) for load in LOADS],
    )
    yield ""
    yield "Ratios of CPU per request: the median of the rounds, and the least and the most"
    for ratio in RATIOS:
        values = measured(runs, ratio)
        if values:
            yield f"  {_verdict(values, ratio)}  {ratio.load.title}  /  {ratio.against.title}"
    yield from _foreign(runs)


def _foreign(runs: Sequence[Run]) -> Iterator[str]:
    busy = [r.sample.foreign for r in runs if r.sample.foreign > QUIET]
    if busy:
        yield (
            f"Noisy: in {len(busy)} of {len(runs)} runs others used more than {QUIET:.0%} of the"
            f" client's core (at most {max(busy):.0%}). Trust ratios, not absolute figures."
        )


def _verdict(values: Sequence[float], ratio: Ratio) -> str:
    value = median(values)
    figures = f"{value:5.2f} ({min(values):.2f} to {max(values):.2f})"
    if ratio.bound is None:
        return f"     {figures}  no promise  "
    verdict = "yes" if value <= ratio.bound else "NO "
    return f"{verdict}  {figures}  at most {ratio.bound:4.2f}"


def _row(runs: Sequence[Run], load: Load) -> Sequence[str]:
    samples = [r.sample for r in runs if r.load == load]
    good = [sample for sample in samples if not sample.invalid]
    if not good:
        return load.title, f"INVALID: {samples[0].invalid}" if samples else "not run"
    return (
        load.title,
        text(middle(s.cpu_us for s in good), ".1f"),
        text(middle(s.rate for s in good)),
        text(middle(float(s.connections) for s in good)),
        text(middle(s.peak_rss_kb / 1024 if s.peak_rss_kb else None for s in good)),
    )
