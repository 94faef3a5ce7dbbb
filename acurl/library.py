"""Binds the engine to libcurl when acurl is first imported, and says which one it is.

The one inside pycurl's wheel is found through pycurl's own extension module, already loaded, so
no path is guessed; ACURL_LIBCURL=/path/to/libcurl.so overrides it.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache

from acurl._engine import ffi, lib
from acurl.errors import LibcurlError

_KNOWN_BAD = {
    (7, 87, 0): "duplicate socket events",
    (8, 0, 0): "crashes",
    (8, 20, 0): "a wake-up descriptor that is never drained, so 100 % CPU",
    (8, 21, 0): "sockets left open when connections are evicted",
}

_HTTP3 = 1 << 25  # CURL_VERSION_HTTP3


class _VersionInfo(ctypes.Structure):
    """The head of libcurl's curl_version_info_data, the same since its first version."""

    _fields_ = (
        ("age", ctypes.c_int),
        ("version", ctypes.c_char_p),
        ("version_num", ctypes.c_uint),
        ("host", ctypes.c_char_p),
        ("features", ctypes.c_int),
    )


def _library_path() -> tuple[str, bool]:
    """What to bind to, and whether it is in the process already."""
    path = os.environ.get("ACURL_LIBCURL", "")
    if path:
        return path, False
    import pycurl  # noqa: PLC0415 - importing it is what loads the libcurl we bind to

    return str(getattr(pycurl, "_pycurl", pycurl).__file__), True


def bind() -> None:
    """Fill the engine's table of libcurl functions; harmless when repeated.

    Raises LibcurlError when the library cannot be loaded or lacks a function.
    """
    path, must_be_loaded = _library_path()
    if lib.acurl_bind(os.fsencode(path), must_be_loaded) < 0:
        reason = ffi.string(lib.acurl_bind_error()).decode(errors="replace")
        source = "ACURL_LIBCURL" if not must_be_loaded else "pycurl"
        raise LibcurlError(f"no usable libcurl from {source}: {reason}")
    trouble = _KNOWN_BAD.get(version_tuple())
    if trouble:
        warnings.warn(
            f"libcurl {libcurl_version()} is known for {trouble}; use another version",
            RuntimeWarning,
            stacklevel=2,
        )


def version_tuple() -> tuple[int, int, int]:
    """The bound libcurl's version as three numbers."""
    number = lib.acurl_libcurl_version_number()
    return number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF


def libcurl_version() -> str:
    """The bound libcurl's version, such as "8.23.0"."""
    return ".".join(map(str, version_tuple()))


def libcurl_description() -> str:
    """The bound libcurl's own line: its version and those of the libraries in it."""
    text: bytes = ffi.string(lib.acurl_libcurl_version())
    return text.decode()


@cache
def has_http3() -> bool:
    """Whether the bound libcurl was built with HTTP/3."""
    version_info = ctypes.CDLL(_library_path()[0]).curl_version_info
    version_info.restype = ctypes.POINTER(_VersionInfo)
    return bool(version_info(0).contents.features & _HTTP3)


bind()
