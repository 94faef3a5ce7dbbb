"""What a container of 512 MB asks for: 1,000 users of 200 TLS origins in less than 300 MB."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mite.exitcodes import ExitCode
from tests.servers.conditions import wait_until
from tests.servers.origins import Origins
from tests.system.command import Mite
from tests.system.report import Report

MEGABYTE = 1e6

VISITORS = """
import json
import os

from mite.datapools import RecyclableIterableDataPool
from mite.volume_model import Constant
from mite_http import mite_http

ORIGINS = json.loads(os.environ["ORIGINS"])


@mite_http({options})
async def visitor(ctx, origin):
    for _ in range(3):
        response = await ctx.http.get(f"{{origin}}/page")
        assert len(response.body) == 65536


def scenario():
    origins = RecyclableIterableDataPool([(origin,) for origin in ORIGINS * 5])
    return [("visitors:visitor", origins, Constant(tps=1000, duration=10))]
"""


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origins]:
    running = Origins(tmp_path_factory.mktemp("origins"), 200)
    yield running
    running.close()


def peak(origins: Origins, directory: Path, options: str) -> float:
    """The most memory that the run had resident, in bytes; all of its requests must go well."""
    (directory / "visitors.py").write_text(VISITORS.format(options=options))
    urls = "[" + ",".join(f'"{url}"' for url in origins.urls) + "]"
    environment = {**os.environ, "SSL_CERT_FILE": origins.ca_file, "ORIGINS": urls}
    process = Mite(environment, directory).start("scenario", "test", "visitors:scenario")
    status = Path(f"/proc/{process.pid}/status")
    found = [0]

    def ended() -> bool:
        if match := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
            found[0] = int(match[1]) * 1024
        return process.poll() is not None

    wait_until(ended, "the run to end", 60)
    out, err = process.communicate()
    assert process.returncode == ExitCode.OK, out + err
    count, errors = Report(out).transactions["visitors:visitor"]
    assert count > 1000
    assert errors == 0
    print(f"{options}: at most {found[0] / MEGABYTE:.0f} MB resident, {count} journeys")
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.1", "auto"])
def test_1000_users_of_200_origins_stay_under_300_megabytes(
    origins: Origins, tmp_path: Path, version: str
) -> None:
    options = f'max_connects=50, http_version="{version}"'
    small = peak(origins, tmp_path, f"{options}, low_memory=True")
    peak(origins, tmp_path, options)  # for comparison: it is printed
    assert small < 300 * MEGABYTE
