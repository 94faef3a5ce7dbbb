import contextlib
import io
import logging
import sys
from collections.abc import Iterator

import pytest

from mite.cli import logs


@contextlib.contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """The root logger without handlers, as a new process has it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_records_go_to_what_standard_error_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    with bare_root() as root:
        logs.set_up("WARNING")
        logs.set_up("DEBUG")
        for number in range(2):
            monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
            root.warning("record %d", number)
            root.info("not this one")
            assert stream.getvalue().endswith(f"<WARNING> [root] record {number}\n")
