from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mite.appendfile import AppendFile


def test_records_follow_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old ")
    file = AppendFile(path)
    file.append(b"new ")
    file.append(b"")
    file.append(b"newest")
    assert path.read_bytes() == b"old new newest"
    file.close()
    file.close()
    assert repr(file) == f"AppendFile({str(path)!r})"


def test_no_half_of_a_record_is_left_behind(
    tmp_path: Path, full_after: Callable[[int], AbstractContextManager[None]]
) -> None:
    file = AppendFile(tmp_path / "file")
    file.append(b"x" * 600)
    with full_after(1_000), pytest.raises(OSError, match="File too large"):
        file.append(b"y" * 600)
    file.append(b"z" * 400)
    file.close()
    assert (tmp_path / "file").read_bytes() == b"x" * 600 + b"z" * 400


def test_what_cannot_be_opened_or_cut_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AppendFile(tmp_path / "no" / "file")
    (tmp_path / "full").symlink_to("/dev/full")
    file = AppendFile(tmp_path / "full")
    with pytest.raises(OSError, match="No space left"):
        file.append(b"x")
    file.close()
