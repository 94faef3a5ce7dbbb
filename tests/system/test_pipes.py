"""What reads the output may go away early, as "| head" does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mite.exitcodes import ExitCode
from tests.servers.target import REPOSITORY


def test_a_reader_that_left_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mite", "--help"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode == ExitCode.SIGNAL


JOURNEY = "mite.example:journey"


def shell(words: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of `words`, "$PY" being this Python."""
    return subprocess.run(
        ["/bin/sh", "-c", words],
        env={**os.environ, "PY": sys.executable, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_stream_that_is_closed_is_no_crash(closed: str) -> None:
    done = shell(f'"$PY" -m mite journey run {JOURNEY} mite.example:datapool {closed}')
    assert done.returncode == 0, done
    assert done.stderr == ""


def test_a_full_device_is_a_sentence() -> None:
    done = shell(f'"$PY" -m mite journey run {JOURNEY} mite.example:datapool >/dev/full')
    assert done.returncode == ExitCode.CONFIGURATION
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


NAMES = """
async def journey(ctx):
    for name in ("K\\u00e4se", "\\udc80", "\\x1b[31mred", "a\\nb"):
        async with ctx.transaction(name):
            pass
"""


def test_text_that_the_output_cannot_take_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "names.py").write_text(NAMES)
    done = shell(f'cd {tmp_path}; PYTHONIOENCODING=ascii "$PY" -m mite journey run names:journey')
    assert done.returncode == 0, done
    for shown in ("K\\xe4se", "\\udc80", "\\x1b[31mred", "a\\nb"):
        assert f"  {shown} " in done.stdout
