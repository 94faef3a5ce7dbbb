"""What the CLI calls, where the extra is not installed."""

import pytest

from mite.demo import command


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "granian" else object())
    assert command.run({}) == 104
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "mite demo-target: needs granian: pip install 'mite-http[demo]'\n"
