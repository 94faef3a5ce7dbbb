"""Two small costs of ours and of its predecessor: a checkout, and the way to the first byte."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.environment import CHECKOUT, Environment, InstallError
from bench.peer import CURL
from bench.pools.figures import middle, sheet, text
from bench.pools.program import Reading, read

LIMIT = 120.0
REPEATS = "5"
REQUESTS = "2000"

CHECKOUT_BOUND = 3.0
"""Most microseconds of CPU that checkout and checkin may take."""
FIRST_BYTE_BOUND = 50.0
"""Most microseconds from the call to the first byte, with a warm pool."""

UPSTREAM = Environment("mite-upstream", "acurl==1.2.1", "mite==2.11.0", "uvloop")


@dataclass(frozen=True, slots=True)
class Micro:
    """One process of one side in one round: "checkout" or "first_byte"."""

    what: str
    side: str
    round: int
    reading: Reading

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        return {
            "what": self.what,
            "side": self.side,
            "round": self.round,
            "invalid": self.reading.invalid,
            "told": self.reading.line,
        }


def sides(say: Callable[[str], None]) -> tuple[dict[str, Environment], dict[str, str]]:
    """Environments by name, and the reasons of those that cannot be made."""
    found, left_out = {"mite_http": CURL}, {}
    say("preparing mite 2.11, acurl 1.2.1")
    try:
        UPSTREAM.ensure()
    except InstallError as error:
        left_out["mite 2.11, acurl 1.2.1"] = str(error)
    else:
        found["mite 2.11, acurl 1.2.1"] = UPSTREAM
    return found, left_out


@contextmanager
def stamping(core: int) -> Iterator[str]:
    """The address of a stamper that runs on this core meanwhile."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", "bench.pools.stamper"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.kill()


def take(
    rounds: int,
    environments: dict[str, Environment],
    cores: tuple[int, int],
    say: Callable[[str], None],
) -> Iterator[Micro]:
    """Both figures of all sides, round by round."""
    for turn in range(rounds):
        for side, environment in environments.items():
            yield _told(
                Micro("checkout", side, turn, _run(environment, "checkout", [REPEATS], cores)), say
            )
        with stamping(cores[1]) as url:
            for side, environment in environments.items():
                arguments = [url, REQUESTS]
                reading = _run(environment, "first_byte", arguments, cores)
                yield _told(Micro("first_byte", side, turn, reading), say)


def _run(
    environment: Environment, module: str, arguments: list[str], cores: tuple[int, int]
) -> Reading:
    return read(environment, module, arguments, cores[0], LIMIT)


def _told(micro: Micro, say: Callable[[str], None]) -> Micro:
    figure = text(micro.reading.number("us"), ".1f", " us")
    say(f"micro  {micro.what:<10} {micro.side:<22} {micro.reading.invalid or figure}")
    return micro


def _middle(found: Sequence[Micro], what: str, side: str, name: str) -> float | None:
    return middle(m.reading.number(name) for m in found if (m.what, m.side) == (what, side))


def lines(found: Sequence[Micro], left_out: dict[str, str]) -> Iterator[str]:
    """The figures with their bounds."""
    yield "Small costs, in us"
    headings = ("", "checkout + checkin", "to first byte", "its p99", "a plain socket's")
    columns = (
        ("checkout", "us"),
        ("first_byte", "us"),
        ("first_byte", "p99"),
        ("first_byte", "plain_us"),
    )
    names = list(dict.fromkeys(m.side for m in found))
    rows: list[Sequence[str]] = [
        (name, *(text(_middle(found, what, name, figure), ".1f") for what, figure in columns))
        for name in names
    ]
    rows += [(name, f"left out: {reason}") for name, reason in left_out.items()]
    yield from sheet(headings, rows)
    for what, bound, words in (
        ("checkout", CHECKOUT_BOUND, "checkout and checkin, us of CPU"),
        ("first_byte", FIRST_BYTE_BOUND, "from ctx.http.get to the first byte, us"),
    ):
        figure = _middle(found, what, "mite_http", "us")
        if figure is not None:
            verdict = "yes" if figure <= bound else "NO "
            yield f"  {verdict}  {figure:5.1f}  at most {bound:g}: {words}"
