"""`mite journey run` and `mite journey test`."""

import signal
from pathlib import Path

from mite.exitcodes import ExitCode
from tests.servers.target import Target
from tests.system.command import Mite

VISIT = ("GET /items", "GET /items/{id}", "POST /login", "POST /basket", "POST /checkout")

ONCE = """
from mite.datapools import IterableDataPool
from mite_http import mite_http

three = IterableDataPool([("user1",), ("user2",), ("user3",)])


@mite_http
async def greet(ctx, user):
    await ctx.http.get(ctx.config.get("base_url") + "/echo?" + user)


@mite_http
async def fail(ctx, user):
    await ctx.http.get(ctx.config.get("base_url") + "/status/500")
    raise RuntimeError("the shop is shut to " + user)


async def forgot(ctx):
    await ctx.http.get("http://127.0.0.1/")
"""


def written(target: Target, directory: Path) -> Mite:
    """mite, run where a person's own journeys lie."""
    (directory / "once.py").write_text(ONCE)
    return Mite(target.environment(target.http), directory)


def test_run_runs_it_exactly_once(mite: Mite, target: Target) -> None:
    before = {route: target.received(route) for route in VISIT}
    done = mite("journey", "run", "journeys.shop:visit", "journeys.shop:users")
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert {route: target.received(route) for route in VISIT} == {
        route: count + 1 for route, count in before.items()
    }
    for words in ("browse", "sign in", "buy", "VALID"):
        assert words in done.out


def test_run_needs_no_datapool(mite: Mite) -> None:
    done = mite("journey", "run", "journeys.echo:echo")
    assert (done.code, done.err) == (ExitCode.OK, "")


def test_a_journey_may_have_two_pools(mite: Mite) -> None:
    done = mite("journey", "run", "journeys.pools:browse")
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert "2 requests, 0 on a connection already open" in done.out


def test_run_trusts_the_ca_it_is_told_of(mite: Mite, target: Target) -> None:
    before = target.stats()["protocols"].get("2", 0)
    done = mite("journey", "run", "journeys.echo:echo", MITE_CONF_base_url=target.https)
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert target.stats()["protocols"]["2"] == before + 1


def test_test_ends_with_its_datapool(target: Target, tmp_path: Path) -> None:
    before = target.received("GET /echo")
    done = written(target, tmp_path)("journey", "test", "once:greet", "once:three")
    assert (done.code, done.err) == (ExitCode.OK, "")
    assert target.received("GET /echo") == before + 3


def test_test_runs_until_it_is_interrupted(mite: Mite, target: Target) -> None:
    before = target.received("GET /echo")
    done = mite.interrupted(
        "journey",
        "test",
        "--volume=3",
        "journeys.echo:echo",
        after=lambda: target.received("GET /echo") >= before + 6,
        number=signal.SIGINT,
    )
    assert done.code == ExitCode.SIGNAL
    assert "Traceback" not in done.said
    assert "VALID" in done.out


def test_a_journey_that_raises_is_counted_and_placed(target: Target, tmp_path: Path) -> None:
    done = written(target, tmp_path)("journey", "test", "once:fail", "once:three")
    assert done.code == ExitCode.UPSTREAM_THRESHOLD
    assert "the shop is shut to user1" in done.said
    assert "once.py" in done.said


def test_a_forgotten_decorator_is_named(target: Target, tmp_path: Path) -> None:
    done = written(target, tmp_path)("journey", "run", "once:forgot")
    assert done.code == ExitCode.UPSTREAM_THRESHOLD
    assert "@mite_http" in done.said
