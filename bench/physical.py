"""wrk and h2load: what the kernel and a bare protocol cost, with no client library in between."""

import re
import shutil

from bench.cell import Cell
from bench.process import Outcome
from bench.sample import Sample, from_server
from bench.server import Count

STREAMS = 100
"""HTTP/2 streams per connection of h2load."""

WRK = re.compile(r"(?P<requests>\d+) requests in (?P<time>[\d.]+)(?P<unit>m|u)?s")
H2LOAD = re.compile(
    r"finished in (?P<time>[\d.]+)(?P<unit>m|u)?s.*?(?P<requests>\d+) succeeded", re.DOTALL
)
UNITS = {None: 1.0, "m": 1e-3, "u": 1e-6}


def missing(program: str, package: str) -> str:
    """Why the program cannot be run, or nothing."""
    return "" if shutil.which(program) else f"{program} is not installed: apt-get install {package}"


def wrk_command(cell: Cell, url: str, seconds: float) -> list[str]:
    """wrk in one thread, a connection per user."""
    return ["wrk", "-t1", f"-c{cell.concurrency}", f"-d{max(1, round(seconds))}s", url]


def h2load_command(cell: Cell, url: str, seconds: float) -> list[str]:
    """h2load in one thread, all users multiplexed on as few connections as the streams allow."""
    connections = -(-cell.concurrency // STREAMS)
    streams = -(-cell.concurrency // connections)
    windows = ["-w30", "-W30"] if cell.size > 1 << 16 else []
    return [
        "h2load",
        "-t1",
        f"-c{connections}",
        f"-m{streams}",
        f"-D{max(1, round(seconds))}",
        *windows,
        url,
    ]


def _errors(output: str) -> int:
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    sockets = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output
    )
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", output)
    found = [match.groups() for match in (bad, sockets, failed) if match]
    return sum(int(number) for group in found for number in group)


def judge(outcome: Outcome, before: Count, after: Count, cell: Cell) -> Sample:
    """The sample of a run of wrk or h2load, whose CPU time is that of its whole life."""
    plain = from_server(outcome, before, after)
    found = WRK.search(outcome.output) or H2LOAD.search(outcome.output)
    if outcome.code or outcome.killed or not found:
        return plain
    requests, seconds = int(found["requests"]), float(found["time"]) * UNITS[found["unit"]]
    errors = _errors(outcome.output)
    return Sample(
        requests=requests,
        seconds=seconds,
        cpu_seconds=outcome.cpu_seconds,
        errors=errors,
        total=requests,
        unfinished=cell.concurrency,
        served=plain.served,
        connections=plain.connections,
        peak_rss_kb=None,
        libcurl="",
        foreign=outcome.foreign,
        invalid=f"{errors:,} errors" if errors else "",
        note="",
    )
