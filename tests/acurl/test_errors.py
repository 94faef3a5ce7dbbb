"""The tree of errors: what is caught by what, and what its texts promise."""

import pytest

import acurl
from acurl import errors

TIMEOUTS = ("ConnectTimeout", "PoolTimeout", "ReadTimeout", "TotalTimeout", "WriteTimeout")
KINDS = sorted(
    name
    for name in acurl.__all__
    if isinstance(getattr(acurl, name), type) and issubclass(getattr(acurl, name), Exception)
)


def test_all_errors_are_public() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert {*KINDS, "StatusError"} == defined


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


def test_advice() -> None:
    assert errors.advice(acurl.TLSError, 60) == errors.CERTIFICATE_ADVICE
    assert errors.advice(acurl.TLSError, 35) == ""
    assert "connect=" in errors.advice(acurl.ConnectTimeout, 28)
    assert errors.advice(acurl.AcurlError, 99) == ""


def test_codes_of_libcurl_are_mapped_to_our_own() -> None:
    assert {kind.__name__ for kind in errors.ERROR_BY_CODE.values()} <= set(KINDS)
    assert set(errors.ERROR_BY_CODE) <= set(range(1, 102))
