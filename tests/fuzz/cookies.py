"""Fuzz target: cookie lines and cookie files of any content."""

import contextlib
import tempfile
from pathlib import Path

from acurl.cookies import _Cookie, cookie_dict, parse_cookie_string, read_cookie_file

FILE = Path(tempfile.gettempdir()) / "acurl-fuzzed-cookies"


def try_cookies(data: bytes) -> None:
    """Lines are refused with a ValueError, or mean the same when written and read again."""
    text = data.decode(errors="surrogateescape")
    good = []
    for line in text.split("\n"):
        with contextlib.suppress(ValueError):
            cookie = parse_cookie_string(line)
            assert parse_cookie_string(cookie.format().decode(errors="surrogateescape")) == cookie
            good.append(line)
    assert len(cookie_dict(good)) <= len(good)
    _try_file(data)


def _try_file(data: bytes) -> None:
    FILE.write_bytes(data)
    try:
        with contextlib.suppress(ValueError):
            cookies = read_cookie_file(FILE)
            assert all(isinstance(cookie, _Cookie) for cookie in cookies)
    finally:
        FILE.unlink()
