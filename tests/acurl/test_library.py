"""The libcurl in use is the one inside pycurl, unless told otherwise; bad ones are named."""

import os
import subprocess
import sys

import pycurl

import acurl
from acurl.library import has_http3


def import_acurl(*code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import acurl in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", ";".join(["import acurl", *code])],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_it_is_the_libcurl_of_pycurl() -> None:
    assert acurl.libcurl_version() == pycurl.version_info()[1]
    assert f"libcurl/{acurl.libcurl_version()}" in acurl.libcurl_description()
    assert acurl.libcurl_description() in pycurl.version


def test_what_it_was_built_with() -> None:
    features = pycurl.version_info()[4]
    assert has_http3() == bool(features & 1 << 25) == ("nghttp3" in acurl.libcurl_description())


def test_a_library_named_in_the_environment_is_taken(tmp_path: os.PathLike[str]) -> None:
    wanted = next(path for path in _mapped_files() if "libcurl" in path.rpartition("/")[2])
    done = import_acurl("print(acurl.libcurl_version())", ACURL_LIBCURL=wanted)
    assert (done.stdout.strip(), done.returncode) == (acurl.libcurl_version(), 0), done.stderr


def _mapped_files() -> list[str]:
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        return [line.split(maxsplit=5)[-1].rstrip() for line in maps]


def test_a_library_that_is_not_there_is_named() -> None:
    done = import_acurl(ACURL_LIBCURL="/nowhere/libcurl.so")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("acurl.errors.LibcurlError: no usable libcurl from ACURL_LIBCURL: ")
    assert "/nowhere/libcurl.so" in last


def test_a_library_that_is_no_libcurl_is_named() -> None:
    done = import_acurl(ACURL_LIBCURL="libm.so.6")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("acurl.errors.LibcurlError: no usable libcurl from ACURL_LIBCURL: libm")
    assert "curl_global_init" in last
