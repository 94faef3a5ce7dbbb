import asyncio
import re
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import msgpack
import pytest

from mite import verdict
from mite.cli import load, main
from mite.codec import unpack_msg
from mite.context import Context
from mite.datapools import RecyclableIterableDataPool
from mite.exitcodes import ExitCode
from mite.volume import Constant


async def journey(ctx: Context) -> None:
    async with ctx.transaction("part"):
        ctx.send("seen", base=ctx.config["base"])
        await asyncio.sleep(0.01)


async def talking(ctx: Context) -> None:
    ctx.send("debug_console_message", text="here I am")


async def creating(ctx: Context) -> None:
    ctx.send("data_created", name="users", data=("ann", 7))
    ctx.send("data_created", name="full", data=8)


async def failing(ctx: Context) -> None:
    raise ValueError("as planned")


def scenario(config: object, sender: object) -> list[tuple[str, None, Constant]]:
    return [(f"{__name__}:journey", None, Constant(tps=3, duration=0.4))]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs name this module as it was imported; a run leaves no path behind."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MITE_CONF_base", "x")


@pytest.mark.parametrize("profile", ["0", "1"])
def test_a_scenario_runs_to_its_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    monkeypatch.setenv("MITE_PROFILE", profile)
    assert main(["scenario", "test", f"{__name__}:scenario"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert shown.err == ""
    assert re.search(rf"^{re.escape(__name__)}:journey +\d+ +0 ", shown.out, re.MULTILINE)
    assert re.search(r"^  part +\d+ +0 ", shown.out, re.MULTILINE)
    assert "verdict: " in shown.out


def test_a_journey_runs_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journey", "run", f"{__name__}:journey"]) == ExitCode.OK
    assert ": 1 journey in " in capsys.readouterr().out


@pytest.mark.parametrize(("allowed", "code"), [("0", 1), ("1", 0)])
def test_errors_set_the_exit_status(
    capsys: pytest.CaptureFixture[str], allowed: str, code: int
) -> None:
    arguments = [f"--max-errors-threshold={allowed}", "journey", "run", f"{__name__}:failing"]
    assert main(arguments) == code
    out = capsys.readouterr().out
    assert "1 error, by kind" in out
    assert "ValueError: as planned" in out
    assert ("failed: " in out) == bool(code)


async def lending(ctx: Context, item: int) -> None:
    await asyncio.sleep(0.2)


few = RecyclableIterableDataPool([(1,)])


def crowded() -> list[tuple[str, RecyclableIterableDataPool, Constant]]:
    return [(f"{__name__}:lending", few, Constant(tps=3, duration=5))]


@pytest.mark.parametrize(("words", "code"), [([], 0), (["--strict"], 111)])
def test_strict_makes_the_verdict_count(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
) -> None:
    findings = [(verdict.Level.SUSPECT, "it was late")]
    monkeypatch.setattr(load, "_findings", lambda wiring: findings)
    assert main([*words, "journey", "run", f"{__name__}:journey"]) == code
    assert "verdict: SUSPECT" in capsys.readouterr().out


def test_a_pool_that_is_too_small_aborts_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--strict", "scenario", "test", f"{__name__}:crowded"]) == ExitCode.CONFIGURATION
    shown = capsys.readouterr()
    assert re.search(r"^\S+:crowded: 1 journey in .*, aborted$", shown.out, re.MULTILINE)
    assert "verdict: INVALID\n  the run was aborted: the datapool of " in shown.out
    assert re.fullmatch(r"mite: the datapool of \S+ is too small: all 1 items .*\.\n", shown.err)


def test_the_journeys_config_has_what_was_added(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["journey", "run", "--add-to-config=base:y", f"{__name__}:journey"]
    assert main(arguments) == ExitCode.OK


def test_faults_go_to_stderr_with_their_status(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scenario", "test", "--config=mite.config:nothing", f"{__name__}:scenario"]
    assert main(arguments) == ExitCode.CONFIGURATION
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "mite: no object 'nothing' in mite.config.\n"


def test_modules_are_found_in_the_working_directory_unless_excluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "found_here.py").write_text("async def journey(ctx):\n    pass\n")
    monkeypatch.chdir(tmp_path)
    excluded = ["--exclude-working-directory", "journey", "run", "found_here:journey"]
    assert main(excluded) == ExitCode.CONFIGURATION
    assert main(["journey", "run", "found_here:journey"]) == ExitCode.OK
    assert "found_here:journey" in capsys.readouterr().out


def test_message_processors_see_the_run(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    asked = "--message-processors=mite.logoutput:MsgOutput,mite.logoutput:HttpStatsOutput"
    with caplog.at_level("INFO"):
        main(["journey", "run", asked, f"{__name__}:failing"])
    (record,) = caplog.records
    assert "ValueError: as planned" in record.getMessage()
    capsys.readouterr()
    wrong = [
        "journey",
        "run",
        "--message-processors=mite.logoutput:MsgOutpt",
        f"{__name__}:failing",
    ]
    assert main(wrong) == ExitCode.CONFIGURATION
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "mite: no message processor 'MsgOutpt' in mite.logoutput. Did you mean MsgOutput?\n"
    )


def test_a_journeys_words_to_the_console_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert main(["journey", "run", f"{__name__}:talking"]) == ExitCode.OK
    assert [record.getMessage() for record in caplog.records] == ["here I am"]


def test_created_data_and_all_messages_are_kept(tmp_path: Path) -> None:
    directories = [f"--recorder-dir={tmp_path / 'r'}", f"--collector-dir={tmp_path / 'c'}"]
    assert main(["journey", "run", *directories, f"{__name__}:creating"]) == ExitCode.OK
    assert unpack_msg((tmp_path / "r" / "users.msgpack").read_bytes()) == ("ann", 7)
    with (tmp_path / "c" / "current").open("rb") as file:
        types = Counter(message["type"] for message in msgpack.Unpacker(file, strict_map_key=False))
    assert types["data_created"] == 2
    assert types["txn"] == 1


def test_data_that_is_lost_lowers_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "full.msgpack").symlink_to("/dev/full")
    main(["journey", "run", f"--recorder-dir={tmp_path}", f"{__name__}:creating"])
    out = capsys.readouterr().out
    assert "verdict: VALID" not in out
    assert "\n  the recorder lost 1 message\n" in out
    assert caplog.text.count("full.msgpack cannot be written: No space left on device") == 1


def test_a_collector_directory_that_cannot_be_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    asked = f"--collector-dir={tmp_path / 'file'}"
    assert main(["journey", "run", asked, f"{__name__}:creating"]) == ExitCode.CONFIGURATION
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"mite: {asked} cannot be written to: File exists; "
        "it must be a directory that can, or a new name for one.\n"
    )


def test_memory_tracing_tells_at_the_end_and_costs_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["journey", "run", "--memory-tracing", f"{__name__}:journey"]) == ExitCode.OK
    assert not tracemalloc.is_tracing()
    out = capsys.readouterr().out
    assert re.search(
        r"^memory since the start: [+-][\d.,]+ KiB; .+\n( .+ KiB .+\n){1,10}", out, re.MULTILINE
    )
    assert "verdict: VALID" not in out
    assert "\n  --memory-tracing slowed the generator\n" in out


def test_a_webhook_that_cannot_be_told_keeps_the_test_from_running(
    capsys: pytest.CaptureFixture[str], dead_url: str
) -> None:
    asked = ["journey", "run", f"--logging-webhook={dead_url}", f"{__name__}:journey"]
    assert main(asked) == ExitCode.CONFIGURATION
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"mite: the start of the test cannot be logged at {dead_url}/start")
    assert shown.err.count("\n") == 1
