"""`--prometheus`: the page that a run serves, scraped while it runs, beside the target's counts."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mite.exitcodes import ExitCode
from tests.servers.conditions import wait_until
from tests.servers.target import REPOSITORY, Target
from tests.system.command import Mite
from tests.system.report import Report

SCRAPED = """
import asyncio

from mite.datapools import IterableDataPool
from mite.volume_model import Constant
from mite_http import mite_http

seven = IterableDataPool([(number,) for number in range(7)])


@mite_http
async def ask(ctx, number):
    async with ctx.transaction("ask"):
        await ctx.http.get(ctx.config.get("base_url") + f"/status/{404 if number == 3 else 200}")


async def wait(ctx):
    while not ctx.should_stop:
        await asyncio.sleep(0.05)


def rows():
    return [
        ("scraped:ask", seven, Constant(tps=1, duration=600)),
        ("scraped:wait", None, Constant(tps=1, duration=600)),
    ]
"""

Series = dict[tuple[str, ...], float]


def scrape(url: str) -> Series:
    """Values by the sample's name and its labels, as name=value in the order of the page."""
    with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own
        text = answer.read().decode()
    return {
        (sample.name, *(f"{name}={value}" for name, value in sample.labels.items())): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }


def within(series: Series, name: str, *labels: str) -> float:
    """The sum of the series of a name that have all these labels."""
    return sum(value for key, value in series.items() if {name, *labels} <= set(key))


@contextmanager
def running(mite: Mite, *arguments: str) -> Iterator[tuple[str, Callable[[], Report]]]:
    """A run under way: the URL of its page, and what interrupts it and reads its report."""
    process = mite.start("--prometheus=127.0.0.1:0", *arguments)
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        url = re.fullmatch(
            r"metrics for Prometheus: (http://127\.0\.0\.1:\d+/metrics)\n", announced
        )
        assert url, (announced, process.communicate())

        def ended() -> Report:
            process.send_signal(signal.SIGINT)
            done = mite.ended(process)
            assert (done.code, done.err) == (ExitCode.SIGNAL, "")
            return Report(done.out)

        yield url[1], ended
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_page_counts_what_the_target_saw(target: Target, tmp_path: Path) -> None:
    (tmp_path / "scraped.py").write_text(SCRAPED)
    mite = Mite(target.environment(target.http), tmp_path)
    route = "GET /status/{code}"
    before = target.stats()["routes"].get(route, {"answered": {}})["answered"]
    with running(mite, "scenario", "test", "scraped:rows") as (url, ended):
        wait_until(
            lambda: within(scrape(url), "mite_transaction_total", "transaction=__root__") == 7,
            "all seven journeys on the page",
        )
        wait_until(lambda: within(scrape(url), "mite_actual_count") == 1, "a report of one user")
        page = scrape(url)
        report = ended()
    after = target.stats()["routes"][route]["answered"]
    seen = {status: count - before.get(status, 0) for status, count in after.items()}
    assert {status: count for status, count in seen.items() if count} == {"200": 6, "404": 1}
    assert report.statuses == {"200": 6, "404": 1}
    labels = "test=scraped:rows", "journey=scraped:ask", "transaction=__root__ :: ask", "method=GET"
    for status, count in (("200", 6), ("404", 1)):
        code = f"response_code={status}"
        assert within(page, "mite_http_response_total", *labels, code) == count
    assert within(page, "mite_http_response_total") == 7
    assert within(page, "mite_http_response_time_seconds_count") == 7
    assert within(page, "mite_http_pool_wait_seconds_count", "journey=scraped:ask") == 7
    assert within(page, "mite_transaction_total", "had_error=False") == 14
    assert within(page, "mite_runner_count") == 1


def test_a_journey_run_over_and_over_is_on_the_page(mite: Mite, target: Target) -> None:
    before = target.received("GET /echo")
    with running(mite, "--volume=2", "journey", "test", "journeys.echo:echo") as (url, ended):
        wait_until(lambda: target.received("GET /echo") > before + 10, "ten requests")
        # What had come when the page was asked for is on it, but for the two that may be under way.
        earlier = target.received("GET /echo") - before
        page = scrape(url)
        later = target.received("GET /echo") - before
        report = ended()
    assert earlier - 2 <= within(page, "mite_http_response_total", "response_code=200") <= later
    assert report.requests == target.received("GET /echo") - before


def test_the_url_is_told_even_where_progress_is_hidden(mite: Mite) -> None:
    hidden = ("--hide-constant-logs", "--prometheus=0")
    done = mite(*hidden, "journey", "run", "journeys.echo:echo")
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert done.out.startswith("metrics for Prometheus: http://127.0.0.1:")
    assert Report(done.out).requests == 1


@pytest.mark.parametrize("command", [("journey", "run"), ("journey", "test")])
def test_a_port_that_is_taken_is_refused_before_anything_runs(
    mite: Mite, target: Target, command: tuple[str, str]
) -> None:
    before = target.received("GET /echo")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = mite(f"--prometheus={address}", *command, "journeys.echo:echo")
    assert (done.code, done.out) == (ExitCode.CONFIGURATION, "")
    assert done.err == (
        f"mite: --prometheus={address} cannot be listened on: Address already in use; name an "
        "address of this machine and a port that is free, or port 0 for any.\n"
    )
    assert target.received("GET /echo") == before


@pytest.mark.parametrize(("words", "loaded"), [([], False), (["--prometheus=0"], True)])
def test_prometheus_client_is_loaded_only_when_asked_for(
    mite: Mite, words: list[str], loaded: bool
) -> None:
    program = (
        "import sys; from mite.cli import main; code = main(sys.argv[1:]); "
        "print('prometheus_client' in sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "journey", "run", "journeys.echo:echo"],
        cwd=REPOSITORY,
        env=mite.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == str(loaded)
