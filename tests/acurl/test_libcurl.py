"""The numbers of libcurl's ABI that we wrote down ourselves are right.

Witnesses: for options libcurl's own list of them, for the rest pycurl's constants.
"""

import ctypes
import re
from pathlib import Path

import pycurl
import pytest

from acurl.profile import OPTIONS

HEADER = Path(__file__).parents[2] / "acurl" / "csrc" / "libcurl.h"
ENTRY = re.compile(r"\b(CURL\w*)\s*=\s*(0x[0-9a-fA-F]+|\d+)(?:\s*\+\s*(\d+))?")

# In neither list; these are from libcurl's documentation of its ABI.
IN_NO_LIST = {
    "CURLE_HTTP2_STREAM": 92,
    "CURLE_OK": 0,
    "CURLE_UNKNOWN_OPTION": 48,
    "CURLINFO_CONN_ID": 0x600000 + 64,
    "CURLINFO_PRIVATE": 0x100000 + 21,
    "CURLINFO_TLS_SSL_PTR": 0x400000 + 45,
    "CURLMOPT_NETWORK_CHANGED": 17,
    "CURLMOPT_QUICK_EXIT": 21,
    "CURLMOPT_RESOLVE_THREADS_MAX": 20,
    "CURLMOPT_SOCKETDATA": 10002,
    "CURLMOPT_TIMERDATA": 10005,
    "CURLM_OK": 0,
    "CURLM_OUT_OF_MEMORY": 3,
    "CURLSHOPT_SHARE": 1,
    "CURL_MESSAGE_DONE": 1,
}
# What pycurl puts in place of libcurl's prefix, the longest first.
PREFIXES = {
    "CURLMOPT_": ("M_",),
    "CURLINFO_": ("INFO_", ""),
    "CURLE_": ("E_",),
    "CURLAUTH_": ("HTTPAUTH_",),
    "CURLPAUSE_": ("PAUSE_",),
    "CURLSSLOPT_": ("SSLOPT_",),
    "CURL_": ("", "LOCK_"),
    "": ("",),
}


class EasyOption(ctypes.Structure):
    """struct curl_easyoption."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("id", ctypes.c_int),
        ("type", ctypes.c_int),
        ("flags", ctypes.c_uint),
    )


def option_number(name: str) -> int:
    """libcurl's number of an option, as the library itself says."""
    by_name = ctypes.CDLL(pycurl._pycurl.__file__).curl_easy_option_by_name
    by_name.restype = ctypes.POINTER(EasyOption)
    found = by_name(name.encode())
    assert found, f"libcurl knows no option {name}"
    number: int = found.contents.id
    return number


def constants() -> dict[str, int]:
    """Every number that the header gives a name."""
    found = ENTRY.findall(HEADER.read_text())
    return {name: int(base, 0) + int(more or "0") for name, base, more in found}


def right_value(name: str) -> int:
    """What a name of libcurl's stands for."""
    if name.startswith("CURLOPT_"):
        return option_number(name.removeprefix("CURLOPT_"))
    if name in IN_NO_LIST:
        return IN_NO_LIST[name]
    prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
    candidates = [new + name.removeprefix(prefix) for new in PREFIXES[prefix]]
    value: int = next(getattr(pycurl, known) for known in candidates if hasattr(pycurl, known))
    return value


def test_the_header_is_read() -> None:
    assert len(constants()) > 60


@pytest.mark.parametrize("name", sorted(constants()))
def test_number_is_right(name: str) -> None:
    assert constants()[name] == right_value(name)


def test_the_options_of_profiles_are_libcurls() -> None:
    assert {name: option_number(name) for name in OPTIONS} == OPTIONS


def test_the_options_of_profiles_are_pycurls() -> None:
    known = {name: value for name in OPTIONS if (value := getattr(pycurl, name, None)) is not None}
    assert len(known) > 10
    assert known.items() <= OPTIONS.items()
