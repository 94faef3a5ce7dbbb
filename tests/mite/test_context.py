import asyncio
import contextlib
import dataclasses
from typing import Any

import pytest

import mite
from mite.clock import FakeClock
from mite.context import Context, RootTransaction
from mite.exceptions import MiteError
from mite.run import Run
from tests.servers.loops import RunAsync

IDENTITY = {"test": "t", "journey": "j:j", "context_id": 4}


class Bench:
    """A context whose messages are kept."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.run = Run(self.clock, seed=1)
        self.messages: list[dict[str, Any]] = []
        self.stop = False
        self.ctx = Context(
            self.messages.append, {"key": "value"}, IDENTITY, lambda: self.stop, run=self.run
        )

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_send_adds_time_and_identity(bench: Bench, run_async: RunAsync) -> None:
    async def main() -> None:
        async with bench.ctx.transaction("outer"):
            bench.ctx.send("mine", number=3, journey="not this one")

    run_async(main())
    mine = bench.messages[0]
    assert mine.pop("time") > 1e9
    assert mine == {
        "type": "mine",
        "number": 3,
        "transaction": "outer",
        "transaction_id": 1,
        **IDENTITY,
    }


def test_send_may_be_awaited(bench: Bench, run_async: RunAsync) -> None:
    async def main() -> None:
        await bench.ctx.send("one")
        await bench.ctx.send("two")

    run_async(main())
    assert bench.types == ["one", "two"]
    assert bench.messages[0]["transaction"] is None


def test_a_message_of_the_run_is_nobodys(bench: Bench, run_async: RunAsync) -> None:
    whole = Context(bench.messages.append, {}, {**IDENTITY, "runner_id": 3, "scenario_id": 1})

    async def beside() -> None:
        whole.emit_for_run({"type": "pool", "size": 5})

    async def main() -> None:
        async with RootTransaction(bench.ctx), bench.ctx.transaction("inner"):
            await asyncio.create_task(beside())  # in which the transaction is active as well
            bench.ctx.emit_for_run({"type": "pool", "size": 6})

    run_async(main())
    sent = bench.messages[:2]
    assert all(message.pop("time") > 1e9 for message in sent)
    assert sent == [
        {"type": "pool", "size": 5, "test": "t", "runner_id": 3},
        {"type": "pool", "size": 6, "test": "t"},
    ]


def test_transactions_nest_by_name_and_are_timed(bench: Bench, run_async: RunAsync) -> None:
    async def main() -> None:
        async with RootTransaction(bench.ctx), bench.ctx.transaction("a"):
            async with bench.ctx.transaction("b"):
                bench.clock.advance(0.25)
            async with bench.ctx.transaction("c"):
                bench.clock.advance(0.5)

    run_async(main())
    seen = [(m["transaction"], m["transaction_id"], m["duration"]) for m in bench.messages]
    assert seen == [
        ("__root__ :: a :: b", 3, 0.25),
        ("__root__ :: a :: c", 4, 0.5),
        ("__root__ :: a", 2, 0.75),
        ("__root__", 1, 0.75),
    ]
    for message in bench.messages:
        assert message["end_time"] - message["start_time"] == pytest.approx(message["duration"])
        assert message["had_error"] is False


def test_tasks_of_a_journey_do_not_mix_their_names(bench: Bench, run_async: RunAsync) -> None:
    async def part(name: str) -> None:
        async with bench.ctx.transaction(name):
            await asyncio.sleep(0)
            bench.ctx.send("inside", part=name)

    async def main() -> None:
        async with RootTransaction(bench.ctx):
            await asyncio.gather(part("x"), part("y"))

    run_async(main())
    inside = {m["part"]: m["transaction"] for m in bench.messages if m["type"] == "inside"}
    assert inside == {"x": "__root__ :: x", "y": "__root__ :: y"}


def test_a_root_ignores_what_the_task_was_in(bench: Bench, run_async: RunAsync) -> None:
    async def main() -> None:
        async with bench.ctx.transaction("elsewhere"), RootTransaction(bench.ctx):
            pass

    run_async(main())
    assert [m["transaction"] for m in bench.messages] == ["__root__", "elsewhere"]


def fail(bench: Bench, error: BaseException) -> Any:
    async def main() -> None:
        with contextlib.suppress(type(error)):
            async with RootTransaction(bench.ctx), bench.ctx.transaction("inner"):
                raise error

    return main()


def test_an_exception_is_reported_once_by_the_innermost(bench: Bench, run_async: RunAsync) -> None:
    run_async(fail(bench, ValueError("bad")))
    assert bench.types == ["exception", "txn", "txn"]
    report = bench.messages[0]
    assert report["transaction"] == "__root__ :: inner"
    assert (report["ex_type"], report["message"]) == ("ValueError", "ValueError: bad")
    assert report["location"].endswith(":main")
    assert "raise error" in report["stacktrace"]
    assert [m["had_error"] for m in bench.messages[1:]] == [True, True]


def test_the_same_exception_object_counts_for_each_context(run_async: RunAsync) -> None:
    error = ValueError("shared")
    first, second = Bench(), Bench()
    run_async(fail(first, error))
    run_async(fail(second, error))
    assert first.types == second.types == ["exception", "txn", "txn"]


def test_mite_error_is_an_error_with_its_fields(bench: Bench, run_async: RunAsync) -> None:
    run_async(fail(bench, MiteError("no stock", item=3, type="not this one")))
    report = bench.messages[0]
    assert report["type"] == "error"
    assert report["item"] == 3
    assert report["message"] == "mite.exceptions.MiteError: no stock"
    assert "stacktrace" not in report


def test_stack_traces_are_limited_but_every_exception_is_sent(
    bench: Bench, run_async: RunAsync
) -> None:
    async def main() -> None:
        for _ in range(25):
            await fail(bench, ValueError("again"))

    run_async(main())
    reports = [m for m in bench.messages if m["type"] == "exception"]
    assert len(reports) == 25
    assert sum("stacktrace" in report for report in reports) == 10


@pytest.mark.parametrize(("cancelling", "types"), [(False, ["exception", "txn"]), (True, ["txn"])])
def test_cancellation_is_an_error_unless_the_runner_cancels(
    bench: Bench, run_async: RunAsync, cancelling: bool, types: list[str]
) -> None:
    async def main() -> None:
        bench.run.cancelling = cancelling
        with contextlib.suppress(asyncio.CancelledError):
            async with RootTransaction(bench.ctx):
                raise asyncio.CancelledError

    run_async(main())
    assert bench.types == types
    assert bench.messages[-1]["had_error"] is True
    assert bench.messages[-1].get("cancelled", False) is cancelling


def test_system_exit_of_a_journey_is_reported_at_its_root(
    bench: Bench, run_async: RunAsync
) -> None:
    run_async(fail(bench, SystemExit(3)))
    assert bench.types == ["txn", "exception", "txn"]


def test_debugging_opens_the_debugger_and_leaves(
    run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPOSTMORTEM", "builtins.dir")
    messages: list[dict[str, Any]] = []

    async def main() -> None:
        ctx = Context(messages.append, {}, debug=True)
        with pytest.raises(SystemExit, match=r"^1$"):
            async with ctx.transaction("a"):
                raise ValueError

    run_async(main())
    assert [m["type"] for m in messages] == ["exception", "txn"]


def test_config_should_stop_and_repr(bench: Bench) -> None:
    assert bench.ctx.config["key"] == "value"
    assert not bench.ctx.should_stop
    bench.stop = True
    assert bench.ctx.should_stop
    assert not Context(print, {}).should_stop
    assert repr(bench.ctx) == f"Context({IDENTITY!r}, in no transaction)"


def test_random_is_fixed_by_seed_and_context(bench: Bench) -> None:
    def draw(seed: int | None, context_id: int) -> float:
        ctx = Context(print, {}, {"context_id": context_id}, run=Run(seed=seed))
        return ctx.random.random()

    assert draw(1, 1) == draw(1, 1)
    assert len({draw(1, 1), draw(1, 2), draw(2, 1)}) == 3
    assert draw(None, 1) != draw(None, 1)
    assert bench.ctx.random is bench.ctx.random


def test_any_attribute_can_be_set_and_a_missing_one_is_explained(bench: Bench) -> None:
    bench.ctx.http = "a session"
    assert bench.ctx.http == "a session"
    del bench.ctx.http
    assert not hasattr(bench.ctx, "http")
    with pytest.raises(AttributeError, match="no 'http'; a decorator such as @mite_http"):
        _ = bench.ctx.http


def test_closers_belong_to_a_run(bench: Bench, run_async: RunAsync) -> None:
    closed: list[str] = []
    assert bench.ctx.at_run_end(lambda: closed.append("x"))
    assert not Context(print, {}).at_run_end(lambda: closed.append("y"))
    run_async(bench.run.close())
    assert closed == ["x"]


def test_test_context_prints(capsys: pytest.CaptureFixture[str]) -> None:
    ctx = mite.test_context(base_url="http://x")
    ctx.send("hello")
    assert ctx.config == {"base_url": "http://x"}
    assert "'type': 'hello'" in capsys.readouterr().out


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int = 1


class Sealed(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Bare(MiteError):
    def __init__(self) -> None:
        pass


@pytest.mark.parametrize("error", [Frozen(), Sealed(), Mute(), Bare()])
def test_an_exception_of_any_make_is_counted_once(
    bench: Bench, run_async: RunAsync, error: Exception
) -> None:
    async def main() -> None:
        with contextlib.suppress(type(error)):
            async with RootTransaction(bench.ctx), bench.ctx.transaction("inner"):
                raise error

    run_async(main())
    reported = [m for m in bench.messages if m["type"] in {"error", "exception"}]
    assert [m["ex_type"] for m in reported] == [type(error).__name__]
    assert [m["had_error"] for m in bench.messages if m["type"] == "txn"] == [True, True]
