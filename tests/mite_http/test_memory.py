from pathlib import Path

import pytest

from mite_http.memory import memory_limit, process_memory


def test_of_this_process() -> None:
    memory = process_memory()
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    assert memory.rss == pytest.approx(int(line.split()[1]) * 1024, rel=0.2)
    assert memory.vms > memory.rss > 1 << 20


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("memory.max", "536870912\n", 536870912),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "1048576\n", 1048576),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("other", "1", None),
    ],
)
def test_what_a_container_may_have(tmp_path: Path, file: str, text: str, limit: int | None) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert memory_limit(tmp_path) == limit
