import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgpack
import pytest

from mite.codec import pack_msg
from mite.collector import Collector


def kept(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return [message["n"] for message in msgpack.Unpacker(file)]


def rolled(directory: Path) -> list[Path]:
    """The finished files, the oldest first."""
    files = [path for path in directory.iterdir() if not path.name.startswith("current")]
    return sorted(files, key=lambda path: int(path.name.split("_")[-1]))


def collect(collector: Collector, numbers: range) -> None:
    collector.start()
    for number in numbers:
        collector.add({"type": "txn", "n": number})
    collector.stop()


def test_messages_are_kept_in_files_of_a_bounded_number(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    collect(Collector(directory, roll_after=4), range(10))
    assert [kept(path) for path in rolled(directory)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert kept(directory / "current") == [8, 9]
    start, end, number = rolled(directory)[0].name.split("_")
    assert int(end) >= int(start) == int((directory / "current_start_time").read_text())
    assert number == "0"


def test_a_later_run_overwrites_nothing(tmp_path: Path) -> None:
    for run in range(3):
        collect(Collector(tmp_path, roll_after=2), range(run * 3, run * 3 + 3))
    assert sorted(n for path in rolled(tmp_path) for n in kept(path)) == list(range(8))
    assert kept(tmp_path / "current") == [8]


def test_upstreams_parameters(tmp_path: Path) -> None:
    collector = Collector(
        str(tmp_path),
        2,
        collector_id="c7",
        filter_fn=lambda raw: msgpack.unpackb(raw)["n"] % 2,
        use_json=True,
    )
    for number in range(6):
        collector.process_raw_message(pack_msg({"type": "txn", "n": number, "t": (1, 2)}))
    collector.stop()
    (path,) = rolled(tmp_path)
    assert "_c7_" in path.name
    messages = [json.loads(line) for line in path.read_text().splitlines()]
    assert messages == [{"type": "txn", "n": n, "t": [1, 2]} for n in (1, 3)]


def test_little_is_held_in_memory(tmp_path: Path) -> None:
    collector = Collector(tmp_path)
    for number in range(20):
        collector.add({"type": "txn", "n": number, "text": "x" * 10_000})
    assert collector._held_bytes < 65_536
    assert (tmp_path / "current").stat().st_size > 100_000
    collector.stop()


def test_a_full_disk_is_told_of_once_and_counted(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    full_after: Callable[[int], AbstractContextManager[None]],
) -> None:
    collector = Collector(tmp_path)
    with full_after(100_000):
        for number in range(300):
            collector.add({"type": "txn", "n": number, "text": "x" * 1_000})
        collector.stop()
    whole = kept(tmp_path / "current")
    assert whole[:60] == list(range(60))
    assert collector.losses.count == 300 - len(whole) > 100
    (record,) = caplog.records
    assert "current cannot be written: File too large; further losses" in record.getMessage()


def test_a_directory_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        Collector(tmp_path / "file" / "data")


def test_without_a_new_file_the_old_one_grows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector = Collector(tmp_path / "data", roll_after=2)
    (tmp_path / "data").rename(tmp_path / "moved")
    collect(collector, range(5))
    assert kept(tmp_path / "moved" / "current") == [0, 1, 2, 3, 4]
    assert "a new file cannot be begun: No such file or directory" in caplog.text
    assert collector.losses.count == 0
