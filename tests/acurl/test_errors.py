"""The tree of errors: what is caught by what, and what its texts promise."""

import pycurl
import pytest
from acurl._engine import ffi, lib

import acurl
from acurl import errors

TIMEOUTS = ("ConnectTimeout", "PoolTimeout", "ReadTimeout", "TotalTimeout", "WriteTimeout")
KINDS = sorted(
    name
    for name in acurl.__all__
    if isinstance(getattr(acurl, name), type) and issubclass(getattr(acurl, name), Exception)
)
BEYOND_LIBCURLS_LAST = 200
NOT_TRANSFERS = {"E_OK", "E_CALL_MULTI_PERFORM", "E_ALREADY_COMPLETE"}


def codes_of_pycurl() -> dict[str, int]:
    """Name to number of each CURLcode that pycurl names."""
    return {
        name: getattr(pycurl, name)
        for name in dir(pycurl)
        if name.startswith("E_") and not name.startswith("E_MULTI_") and name not in NOT_TRANSFERS
    }


def codes_with_a_text() -> set[int]:
    """Each CURLcode of which the bound libcurl has something to say; pycurl lacks the latest."""
    texts = {code: ffi.string(lib.acurl_code_text(code)) for code in range(1, BEYOND_LIBCURLS_LAST)}
    return {code for code, text in texts.items() if text != b"Unknown error"}


def test_all_errors_are_public() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert set(KINDS) == defined


@pytest.mark.parametrize("name", KINDS)
def test_one_base(name: str) -> None:
    kind = getattr(acurl, name)
    assert issubclass(kind, acurl.AcurlError)
    assert issubclass(kind, TimeoutError) == (name in TIMEOUTS)
    error = kind("what happened")
    assert (error.code, error.request, error.total_time) == (0, None, 0.0)
    assert str(error) == "what happened"


def test_relations() -> None:
    assert issubclass(acurl.RequestError, ValueError)
    assert issubclass(acurl.TooManyRedirects, acurl.RequestError)
    assert issubclass(acurl.StreamError, acurl.ProtocolError)
    assert issubclass(acurl.EngineMisuse, RuntimeError)
    assert issubclass(acurl.StatusError, acurl.AcurlError)


def test_what_only_some_errors_carry() -> None:
    assert acurl.StreamError("reset").stream_error == ""
    assert acurl.StatusError("404").response is None
    assert not hasattr(acurl.ProtocolError("broken"), "stream_error")


def test_advice() -> None:
    assert "verify=CA_FILE" in errors.advice(acurl.TLSError, 60)
    assert "TLS versions" in errors.advice(acurl.TLSError, 35)
    assert "connect=" in errors.advice(acurl.ConnectTimeout, 28)
    assert "total=" in errors.advice(acurl.TotalTimeout, 28)
    assert "max_response_size" in errors.advice(acurl.ResponseTooLarge, 23)
    assert "header lines" in errors.advice(acurl.ResponseTooLarge, 100)
    assert errors.advice(acurl.AcurlError, 99) == ""


@pytest.mark.parametrize("kind", [acurl.ReadTimeout, acurl.WriteTimeout, acurl.TotalTimeout])
def test_a_limit_of_ours_is_advised_about_whatever_the_code(
    kind: type[acurl.AcurlError],
) -> None:
    assert errors.advice(kind, 7) == errors.ADVICE_BY_ERROR[kind]


def test_each_code_of_libcurl_is_placed_on_purpose() -> None:
    placed = set(errors.ERROR_BY_CODE) | errors.OTHER_PROTOCOLS
    unplaced = {name: code for name, code in codes_of_pycurl().items() if code not in placed}
    assert unplaced == {}
    assert codes_with_a_text() - placed == set()
    assert not set(errors.ERROR_BY_CODE) & errors.OTHER_PROTOCOLS


def test_codes_are_mapped_to_errors_of_ours_and_of_this_libcurl() -> None:
    assert {kind.__name__ for kind in errors.ERROR_BY_CODE.values()} <= set(KINDS)
    assert set(errors.ERROR_BY_CODE) <= codes_with_a_text()
    assert set(errors.ADVICE_BY_CODE) <= set(errors.ERROR_BY_CODE)
