from pathlib import Path
from typing import Any

import msgpack
import pytest

from mite import recorder
from mite.recorder import Recorder


def created(name: Any, data: Any) -> dict[str, Any]:
    return {"type": "data_created", "name": name, "data": data}


def kept(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return list(msgpack.Unpacker(file, use_list=False))


def test_data_is_kept_by_name_in_order_and_across_runs(tmp_path: Path) -> None:
    directory = tmp_path / "to" / "data"
    for run in range(2):
        keeper = Recorder(directory)
        keeper.start()
        keeper.process_message(created("users", ("ann", run)))
        keeper.add(created("items", {"id": run}))
        keeper.add({"type": "txn", "name": "users", "data": 1})
        keeper.add(created(None, 1))
        keeper.stop()
    assert kept(directory / "users.msgpack") == [("ann", 0), ("ann", 1)]
    assert kept(directory / "items.msgpack") == [{"id": 0}, {"id": 1}]
    assert len(list(directory.iterdir())) == 2


def test_a_run_without_data_leaves_no_directory(tmp_path: Path) -> None:
    keeper = Recorder(tmp_path / "data")
    keeper.add({"type": "purge_data", "name": "users"})
    keeper.stop()
    assert not (tmp_path / "data").exists()
    assert keeper.losses.count == 0


def test_purged_data_is_gone_and_can_be_created_again(tmp_path: Path) -> None:
    keeper = Recorder(tmp_path)
    keeper.add(created("users", 1))
    keeper.add({"type": "purge_data", "name": "users"})
    assert not (tmp_path / "users.msgpack").exists()
    keeper.add(created("users", 2))
    keeper.stop()
    assert kept(tmp_path / "users.msgpack") == [2]


def test_a_full_disk_is_told_of_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "users.msgpack").symlink_to("/dev/full")
    keeper = Recorder(tmp_path)
    for number in range(3):
        keeper.add(created("users", number))
        keeper.add(created("items", number))
    keeper.stop()
    assert kept(tmp_path / "items.msgpack") == [0, 1, 2]
    assert keeper.losses.describe() == "the recorder lost 3 messages"
    (record,) = caplog.records
    assert record.getMessage() == (
        f"the recorder: {tmp_path}/users.msgpack cannot be written: No space left on device; "
        "further losses are only counted"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (created("../users", 1), "'../users' is no name for a file"),
        (created("", 1), "'' is no name for a file"),
        (created("a\0b", 1), "is no name for a file"),
        (created(7, 1), "7 is no name for a file"),
        (created("users", object()), "data for 'users' cannot be packed"),
        (created("users", 1 << 70), "data for 'users' cannot be packed"),
        ({"type": "data_created", "name": "users"}, "has no data"),
        ({"type": "purge_data", "name": "directory"}, "cannot be removed: Is a directory"),
    ],
)
def test_what_cannot_be_kept_is_lost_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, message: dict[str, Any], words: str
) -> None:
    (tmp_path / "directory.msgpack").mkdir()
    keeper = Recorder(tmp_path)
    keeper.add(message)
    keeper.stop()
    assert keeper.losses.count == 1
    assert words in caplog.text


def test_names_without_end_keep_few_files_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_MOST_OPEN", 3)
    keeper = Recorder(tmp_path)
    for number in range(20):
        keeper.add(created(f"name{number % 10}", number))
        assert len(keeper._files) <= 3
    keeper.stop()
    assert [kept(tmp_path / f"name{n}.msgpack") for n in range(10)] == [
        [n, n + 10] for n in range(10)
    ]
