"""The programs of README.md and docs/acurl.md, typed in by someone who knows nothing else, work."""

import ast
import asyncio
import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import acurl
from tests.servers.conditions import wait_until
from tests.servers.target import Target

README = Path(__file__).parents[1] / "README.md"
PAGE = README.parent / "docs" / "acurl.md"
SHOP = "http://127.0.0.1:8080"


def blocks(document: Path) -> list[tuple[str, str]]:
    """What stands before each Python block, and the block."""
    text = document.read_text()
    found = re.finditer(r"```python\n(.*?)```", text, re.DOTALL)
    return [(text[: block.start()], block[1]) for block in found]


def samples() -> dict[str, str]:
    """File name to content: a Python block belongs to the last file named before it."""
    return {re.findall(r"`(\w+\.py)`", before)[-1]: block for before, block in blocks(README)}


def examples() -> list[Any]:
    """The blocks of docs/acurl.md, each named by its line."""
    return [
        pytest.param(block, id=f"line {before.count(chr(10)) + 2}")
        for before, block in blocks(PAGE)
    ]


def commands(beginning: str) -> list[list[str]]:
    """The commands shown that begin so, without their comments."""
    lines = re.findall(rf"^    ({beginning} .*)$", README.read_text(), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, content in samples().items():
        (tmp_path / name).write_text(content)
    return tmp_path


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("target")) as running:
        yield running


def start(command: list[str], directory: Path, target: Target) -> "subprocess.Popen[str]":
    assert command[0] == "mite"
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=directory,
        env=os.environ | {"MITE_CONF_base_url": target.http},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_readme_has_all_samples() -> None:
    assert list(samples()) == ["shop.py", "evening.py", "fetch.py"]


@pytest.mark.parametrize("command", commands("mite journey run"), ids=" ".join)
def test_journey_runs_at_first_try(command: list[str], directory: Path, target: Target) -> None:
    before = target.received("GET /items/{id}")
    running = start(command, directory, target)
    out, err = running.communicate()
    assert (running.returncode, err) == (0, "")
    assert "verdict: " in out
    assert target.received("GET /items/{id}") == before + 1


@pytest.mark.parametrize("command", commands("mite journey test"), ids=" ".join)
def test_journey_runs_until_told_to_stop(
    command: list[str], directory: Path, target: Target
) -> None:
    enough = target.received("GET /items/{id}") + 10
    running = start(command, directory, target)
    try:
        wait_until(lambda: target.received("GET /items/{id}") >= enough, "two rounds of five users")
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert running.returncode == 105, err
    assert "  item" in out


def test_journey_counts_a_status_it_did_not_expect(directory: Path, target: Target) -> None:
    sample = directory / "shop.py"
    content = sample.read_text()
    assert "{shop}/items/{item}" in content
    sample.write_text(content.replace("{shop}/items/{item}", "{shop}/status/503"))
    running = start(["mite", "journey", "run", "shop:browse", "shop:items"], directory, target)
    out, _ = running.communicate()
    assert running.returncode == 1
    assert "MiteError: answered with 503, not 200" in out


def test_client_works_alone(directory: Path, target: Target) -> None:
    sample = directory / "fetch.py"
    content = sample.read_text()
    assert f'"{SHOP}/items"' in content
    sample.write_text(content.replace(SHOP, target.http))
    done = subprocess.run(
        [sys.executable, "fetch.py"], cwd=directory, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"200 \d\.\d{4} s \{'id': 1, .*\}\n", done.stdout)


@pytest.mark.parametrize("port", ["http", "https"])
def test_journey_of_large_bodies(port: str, target: Target) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mite", "journey", "run", "journeys.transfer:transfer"],
        cwd=README.parent,
        env=target.environment(getattr(target, port)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n3 requests, 2 on a connection already open\n" in done.stdout


def printed(example: str) -> list[str]:
    """What the example says that it prints, "..." for anything."""
    said = re.findall(r"^ *print\(.*\)  # (.+)$", example, re.MULTILINE)
    return [line.replace("[", "[[]").replace("...", "*") for line in said]


async def at_prompt(codes: list[CodeType], names: dict[str, Any], ca_file: str) -> None:
    """As at the prompt of `python -m asyncio`, with a session open."""
    async with acurl.open_session(verify=ca_file) as session:
        names["session"] = session
        for code in codes:
            running = eval(code, names)  # noqa: S307 - our own page
            assert inspect.isawaitable(running), "an example without await needs no session"
            await running


class Reader:
    """Somebody with the page, the shop and the files that it speaks of."""

    def __init__(self, target: Target, directory: Path) -> None:
        self._target = target
        (directory / "photo.jpg").write_bytes(bytes(100_000))
        (directory / "ca.pem").write_bytes(Path(target.ca_file).read_bytes())

    def compiled(self, example: str) -> CodeType:
        """An example, its addresses those of the shop."""
        text = example.replace(SHOP, self._target.http)
        text = text.replace("https://127.0.0.1:8443", self._target.https)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(text, "docs/acurl.md", "exec", flags=flags)
        return code

    def type_in(self, *codes: CodeType) -> None:
        """All of them with one session, or one that needs none."""
        shops = {"shop": self._target.http, "tls_shop": self._target.https}
        names = {"acurl": acurl, "asyncio": asyncio, **shops}
        if needs_a_loop(codes[0]):
            asyncio.run(at_prompt(list(codes), names, self._target.ca_file))
        else:
            exec(codes[0], names)  # noqa: S102 - our own page


def needs_a_loop(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def assert_printed(out: str, patterns: list[str]) -> None:
    lines = out.splitlines()
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert fnmatchcase(line, pattern), (line, pattern)


@pytest.fixture
def reader(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.chdir(tmp_path)
    return Reader(target, tmp_path)


@pytest.mark.parametrize("example", examples())
def test_client_page(example: str, reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.type_in(reader.compiled(example))
    assert_printed(capsys.readouterr().out, printed(example))


def test_client_page_from_top_to_bottom(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    """All that needs a loop with one session, whose connections and cookies stay."""
    examples = {block: reader.compiled(block) for _, block in blocks(PAGE)}
    shown = {block: code for block, code in examples.items() if needs_a_loop(code)}
    reader.type_in(*shown.values())
    assert_printed(capsys.readouterr().out, [line for block in shown for line in printed(block)])


def test_client_page_at_the_prompt(target: Target) -> None:
    typed = re.findall(r"^ {4}>>> (.*)$", PAGE.read_text(), re.MULTILINE)
    typed += ['print((await session.get(f"{shop}/items/1")).json()["id"])', ""]
    done = subprocess.run(
        [sys.executable, "-m", "asyncio"],
        input="\n".join(typed).replace(SHOP, target.http),
        cwd=README.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1" in done.stdout.split()
    assert "Error" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", commands("mite scenario"), ids=" ".join)
def test_scenario_runs_at_first_try(command: list[str], directory: Path, target: Target) -> None:
    before = target.received("GET /items/{id}")
    running = start(command, directory, target)
    out, err = running.communicate()
    assert running.returncode == 0, err
    assert "verdict: " in out
    assert target.received("GET /items/{id}") > before + 20
