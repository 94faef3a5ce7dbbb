"""The samples and commands of docs/pooling.md and docs/memory.md do what the pages say."""

import ast
import asyncio
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import acurl
from mite_http import SharedPoolRegistry
from tests.mite_http.journeys import Told
from tests.servers.target import Target
from tests.test_readme import PAGE, README, SHOP, assert_printed, blocks, printed

DOCS = PAGE.parent
PAGES = (DOCS / "pooling.md", DOCS / "memory.md")


def samples() -> list[Any]:
    """Each named by page and line; those that sleep are slow."""
    return [
        pytest.param(
            block,
            id=f"{page.name} line {before.count(chr(10)) + 2}",
            marks=[pytest.mark.slow] if "asyncio.sleep(" in block else [],
        )
        for page in PAGES
        for before, block in blocks(page)
    ]


def commands(page: Path, pattern: str) -> list[str]:
    """Indented lines that match."""
    return re.findall(rf"^    ({pattern}.*)$", page.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with Target(tmp_path_factory.mktemp("target")) as running:
        yield running


async def carry_out(sample: str, names: dict[str, Any]) -> None:
    """The sample, and then each journey in it."""
    told: Told = names["told"]
    before = set(names)
    code = compile(sample, "sample", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(code, names)  # noqa: S307 - our own page
    if inspect.isawaitable(running):
        await running
    for name in names.keys() - before:
        if inspect.iscoroutinefunction(names[name]):
            await names[name](told.another())
    await told.run.close()
    SharedPoolRegistry.stop_cleanup_task()


@pytest.mark.parametrize("sample", samples())
def test_sample(
    sample: str,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", target.ca_file)
    text = sample.replace("https://example.com", target.https).replace(SHOP, target.http)
    text = text.replace('"example.com"', repr(target.https))
    told = Told()
    names = {"acurl": acurl, "asyncio": asyncio, "told": told, "ctx": told.ctx}
    asyncio.run(carry_out(text, {**names, "shop": target.http}))
    assert_printed(capsys.readouterr().out, printed(sample))


@pytest.mark.parametrize("command", commands(PAGES[0], r"(?:MITE_|mite )"), ids=str)
def test_command_of_pooling(command: str, target: Target) -> None:
    settings = [word for word in shlex.split(command) if re.match(r"MITE_\w+=", word)]
    arguments = shlex.split(command)[len(settings) :]
    assert arguments[0] == "mite"
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=README.parent,
        env=target.environment(target.https) | dict(word.split("=", 1) for word in settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "verdict: VALID" in done.stdout


@pytest.mark.parametrize("command", commands(PAGES[1], r"(?:ps|grep|ss|cat|ls) "), ids=str)
def test_command_of_memory(command: str, target: Target) -> None:
    async def main() -> str:
        async with acurl.open_session() as session:
            await session.get(f"{target.http}/items")
            process = await asyncio.create_subprocess_shell(
                f"set -o pipefail; {command}",
                executable="/bin/bash",
                env=os.environ | {"PID": str(os.getpid())},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
            assert (process.returncode, err) == (0, b"")
            return out.decode()

    assert re.search(r"[1-9]", asyncio.run(main()))


def test_names_of_one_address_are_connections_of_their_own(target: Target) -> None:
    port = target.http.rpartition(":")[2]
    names = {f"{name}.example:{port}": "127.0.0.1" for name in ("one", "two")}

    async def main() -> int:
        with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
            session = wrapper.session(resolve=names)
            for name in names:
                await session.get(f"http://{name}/items")
            return wrapper.stats().opened

    assert asyncio.run(main()) == 2
