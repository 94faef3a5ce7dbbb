"""What reads the output may go away early, as "| head" does."""

import os
import subprocess
import sys

from mite.exitcodes import ExitCode


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
