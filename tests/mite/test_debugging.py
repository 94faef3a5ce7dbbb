import pdb  # noqa: T100

import pytest

from mite import debugging


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, pdb.post_mortem),
        ("mite.debugging.post_mortem", debugging.post_mortem),
        ("print", print),
        ("no.such.module", pdb.post_mortem),
        ("mite.debugging.nothing", pdb.post_mortem),
    ],
)
def test_hook(monkeypatch: pytest.MonkeyPatch, named: str | None, expected: object) -> None:
    if named is None:
        monkeypatch.delenv("PYTHONPOSTMORTEM", raising=False)
    else:
        monkeypatch.setenv("PYTHONPOSTMORTEM", named)
    assert debugging._hook() is expected


def test_leaves_with_status_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPOSTMORTEM", "builtins.print")
    with pytest.raises(SystemExit) as leaving:
        debugging.post_mortem()
    assert leaving.value.code == 1
    assert capsys.readouterr().out == "\n"
