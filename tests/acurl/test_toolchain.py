"""The check before the engine is compiled."""

import sysconfig
from pathlib import Path

import pytest

from acurl._toolchain import missing_tools


def test_nothing_is_missing_where_the_engine_was_built() -> None:
    assert missing_tools() is None


def test_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -pthread")
    problem = missing_tools() or ""
    assert "a C compiler ('no-such-compiler' is not on PATH)" in problem
    assert "apt-get install gcc python3-dev" in problem
    assert "\n" not in problem


def test_missing_headers_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    problem = missing_tools() or ""
    assert f"Python's headers ({tmp_path}/Python.h does not exist)" in problem
    assert "compiler" not in problem
