"""Files of cookies that are none: the loop must not wait for them, and messages name them."""

import os
from pathlib import Path

import pytest

import acurl
from tests.acurl.conftest import RunWrapper


def test_what_is_no_regular_file(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for path in (fifo, tmp_path, Path("/dev/zero")):
            for call in (session.load_cookies, session.save_cookies):
                with pytest.raises(acurl.RequestError, match=f"'{path}': is no regular file"):
                    call(path)

    run_wrapper(body)


def test_paths_that_lead_nowhere(run_wrapper: RunWrapper, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for call in (session.load_cookies, session.save_cookies):
            with pytest.raises(OSError, match=f"symbolic links: '{loop}'"):
                call(loop)
            for path in ("a\0b", "\ud800"):
                with pytest.raises(acurl.RequestError, match=r"^cookie file '.*"):
                    call(path)

    run_wrapper(body)
