"""`mite scenario test` against the target, whose own counts are the witness."""

import os
import pty
import re
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mite.exitcodes import ExitCode
from tests.servers.target import Target
from tests.system.command import COMMAND, Mite
from tests.system.report import Report

SCENARIOS = """
import asyncio

import acurl
from mite import MiteError, ensure_fixed_separation
from mite.volume_model import Constant, Ramp
from mite_http import mite_http


def calm():
    return [
        ("journeys.shop:visit", "journeys.shop:users", Ramp(frm=0, duration=1) + Constant(2, 4)),
        ("journeys.echo:echo", None, Constant(tps=3, duration=3)),
    ]


def endless():
    return [("journeys.echo:echo", None, Constant(tps=3, duration=600))]


@mite_http
async def mixed(ctx):
    url = ctx.config.get("base_url")
    async with ensure_fixed_separation(0.05):
        for status in (200, 204, 404, 503):
            async with ctx.transaction(f"status {status}"):
                answer = await ctx.http.get(f"{url}/status/{status}")
                if answer.status_code == 404:
                    raise_later = MiteError("nothing there")
        try:
            async with ctx.transaction("late"):
                await ctx.http.get(f"{url}/delay/5000", timeout=0.05)
        except acurl.ReadTimeout:
            pass
        async with ctx.transaction("shut"):
            raise raise_later


def troubled():
    return [("scenarios_here:mixed", None, Constant(tps=4, duration=2))]


async def stuck(ctx):
    async with ctx.transaction("stuck"):
        await asyncio.sleep(1000)


def hanging():
    return [("scenarios_here:stuck", None, Constant(tps=2, duration=600))]
"""


@pytest.fixture
def here(target: Target, tmp_path: Path) -> Mite:
    """mite in a directory with scenarios of its own, aimed at the TLS port."""
    (tmp_path / "scenarios_here.py").write_text(SCENARIOS)
    return Mite(target.environment(target.https), tmp_path)


def since(before: dict[str, Any], after: dict[str, Any]) -> tuple[int, Counter[str], Counter[str]]:
    """What reached the target in between: in all, by route, and by the status it answered.

    Delays are left out of the statuses: an answer that nobody waits for still comes, later.
    """
    routes = Counter({name: seen["received"] for name, seen in after["routes"].items()})
    routes.subtract({name: seen["received"] for name, seen in before["routes"].items()})
    statuses: Counter[str] = Counter()
    for name, seen in after["routes"].items():
        if name != "GET /delay/{ms}":
            statuses.update(seen["answered"])
            statuses.subtract(before["routes"].get(name, {"answered": {}})["answered"])
    return after["total"] - before["total"], +routes, +statuses


def test_a_run_ends_in_time_and_its_counts_are_the_targets(here: Mite, target: Target) -> None:
    before, began = target.stats(), time.monotonic()
    done = here("scenario", "test", "scenarios_here:calm")
    assert 3 <= time.monotonic() - began < 20
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert "\x1b" not in done.out
    assert "libcurl" in done.out
    report = Report(done.out)
    total, routes, statuses = since(before, target.stats())
    assert report.verdict in {"VALID", "SUSPECT", "INVALID"}
    assert report.requests == total
    assert report.statuses == statuses
    visits = routes["GET /items"]
    assert visits > 0
    assert report.transactions == {
        "journeys.echo:echo": (routes["GET /echo"], 0),
        "journeys.shop:visit": (visits, 0),
        "browse": (routes["GET /items/{id}"], 0),
        "sign in": (routes["POST /login"], 0),
        "buy": (routes["POST /checkout"], 0),
    }


def test_failures_are_counted_as_the_target_saw_them(here: Mite, target: Target) -> None:
    before = target.stats()
    done = here("scenario", "test", "scenarios_here:troubled")
    assert done.code == ExitCode.UPSTREAM_THRESHOLD
    (advice,) = done.err.splitlines()
    assert "answers in a second are 429 or 503" in advice
    report = Report(done.out)
    total, routes, _ = since(before, target.stats())
    each = routes["GET /delay/{ms}"]
    assert each > 0
    assert report.requests == total == 5 * each
    assert report.statuses == {
        "200": each,
        "204": each,
        "404": each,
        "503": each,
        "ReadTimeout": each,
    }
    assert report.transactions["late"] == (each, each)
    assert report.transactions["shut"] == (each, each)
    assert report.transactions["status 503"] == (each, 0)
    assert "nothing there" in done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_report(here: Mite, target: Target, number: signal.Signals) -> None:
    before = target.stats()
    seen = target.received("GET /echo")
    done = here.interrupted(
        "scenario",
        "test",
        "scenarios_here:endless",
        after=lambda: target.received("GET /echo") > seen + 3,
        number=number,
    )
    assert (done.code, done.err) == (ExitCode.SIGNAL, "")
    report = Report(done.out)
    total, _, statuses = since(before, target.stats())
    assert report.requests == total
    assert report.statuses == statuses


def test_a_second_interrupt_ends_journeys_that_hang(here: Mite) -> None:
    process = here.start("scenario", "test", "scenarios_here:hanging")
    assert process.stdout is not None
    assert "2/2 in flight" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline().startswith("stopping: 2 journeys still run; Ctrl-C again")
    assert "draining: 2 in flight" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    done = here.ended(process)
    assert (done.code, done.err) == (ExitCode.SIGNAL, "")
    assert "2 journeys did not end in time: cancelled" in done.out
    assert "verdict: VALID" not in done.out


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_a_live_picture_and_is_given_back(
    here: Mite, target: Target, no_color: str
) -> None:
    shown = on_terminal(here, "scenario", "test", "scenarios_here:calm", NO_COLOR=no_color)
    assert shown.count("in flight") > 1
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert bool(re.search(r"\x1b\[[\d;]*3\dm", shown)) != bool(no_color)
    assert "verdict: " in shown


def test_a_terminal_that_cannot_go_back_gets_lines(here: Mite) -> None:
    shown = on_terminal(here, "scenario", "test", "scenarios_here:calm", TERM="dumb")
    assert len(re.findall(r"^[12]/3 s  ", shown, re.MULTILINE)) == 1
    assert "\x1b[?25" not in shown


def on_terminal(mite: Mite, *arguments: str, **environment: str) -> str:
    """What a terminal of 100 columns receives from a command that ends well."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": "100", "LINES": "40", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=mite.directory,
        env={**mite.environment, **size, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    # Linux reports the far end of a terminal as an error, not as an end.
    with suppress(OSError):
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)
    assert process.wait(20) == ExitCode.OK
    return shown.decode()
