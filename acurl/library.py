"""Binds the engine to libcurl when acurl is first imported, and says which one it is.

The one inside pycurl's wheel is found through pycurl's own extension module, already loaded, so
no path is guessed; ACURL_LIBCURL=/path/to/libcurl.so overrides it.
"""

from __future__ import annotations

import os
import warnings

from acurl._engine import ffi, lib
from acurl.errors import LibcurlError

_KNOWN_BAD = {
    (7, 87, 0): "duplicate socket events",
    (8, 0, 0): "crashes",
    (8, 20, 0): "a wake-up descriptor that is never drained, so 100 % CPU",
    (8, 21, 0): "sockets left open when connections are evicted",
}


def bind() -> None:
    """Fill the engine's table of libcurl functions; harmless when repeated.

    Raises LibcurlError when the library cannot be loaded or lacks a function.
    """
    path = os.environ.get("ACURL_LIBCURL", "")
    must_be_loaded = not path
    if must_be_loaded:
        import pycurl  # noqa: PLC0415 - importing it is what loads the libcurl we bind to

        module = getattr(pycurl, "_pycurl", pycurl)
        path = str(module.__file__)
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


bind()
