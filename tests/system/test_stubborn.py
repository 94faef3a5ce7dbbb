"""Journeys that will not end, and code that ends the process: the report comes all the same."""

import signal
from pathlib import Path

import pytest

from mite.exitcodes import ExitCode
from tests.servers.conditions import wait_until
from tests.servers.target import Target
from tests.system.command import Mite

JOURNEYS = """
import asyncio
import sys
from pathlib import Path

from mite.datapools import IterableDataPool


def mark():
    Path("begun").touch()


async def swallow(ctx):
    mark()
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass


async def spin(ctx):
    mark()
    while True:
        pass


async def child(ctx):
    async def leave():
        sys.exit(0)

    task = asyncio.create_task(leave())
    await asyncio.wait([task])


async def quick(ctx):
    await asyncio.sleep(0)


async def interrupts(ctx):
    raise KeyboardInterrupt


empty = IterableDataPool([])


def leaving():
    sys.exit(0)
"""


@pytest.fixture
def here(target: Target, tmp_path: Path) -> Mite:
    (tmp_path / "stubborn.py").write_text(JOURNEYS)
    return Mite(target.environment(target.http), tmp_path)


def test_a_journey_that_swallows_its_cancellation_is_named_in_the_report(here: Mite) -> None:
    process = here.start("journey", "run", "stubborn:swallow")
    begun = here.directory / "begun"
    wait_until(lambda: begun.exists() or process.poll() is not None, "the journey to begin")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    done = here.ended(process)
    assert "1 journey would not end even when cancelled" in done.out
    assert done.code == ExitCode.SIGNAL
    assert "Traceback" not in done.said


def test_a_third_signal_ends_a_run_whose_loop_is_blocked(here: Mite) -> None:
    process = here.start("journey", "run", "stubborn:spin")
    begun = here.directory / "begun"
    wait_until(lambda: begun.exists() or process.poll() is not None, "the journey to begin")
    # Signals of one kind that are pending at once are one.
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
    done = here.ended(process)
    assert done.code == ExitCode.SIGNAL
    assert done.err.startswith("mite: ended at once by a third signal; there is no report.\n")


def test_a_task_that_calls_exit_is_a_fault_with_a_report(here: Mite) -> None:
    done = here("journey", "run", "stubborn:child")
    assert done.code == ExitCode.CONFIGURATION
    assert "tried to end mite: it calls sys.exit(0)" in done.err
    assert "verdict: INVALID" in done.out
    assert "Traceback" not in done.said


def test_a_scenario_that_calls_exit_is_a_sentence(here: Mite) -> None:
    done = here("scenario", "test", "stubborn:leaving")
    assert done.code == ExitCode.CONFIGURATION
    assert "calls sys.exit(0)" in done.err


def test_a_run_in_which_nothing_ran_is_not_valid(here: Mite) -> None:
    done = here("journey", "run", "stubborn:quick", "stubborn:empty")
    assert done.code == ExitCode.CONFIGURATION
    assert "verdict: INVALID" in done.out
    assert "no journey ran: the datapool of stubborn:quick gave no item" in done.err


def test_a_journey_that_raises_keyboard_interrupt_is_counted(here: Mite) -> None:
    done = here("journey", "run", "stubborn:interrupts")
    assert done.code == ExitCode.UPSTREAM_THRESHOLD
    assert "KeyboardInterrupt" in done.out
    assert "Traceback" not in done.said
