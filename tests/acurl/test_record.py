"""Python and C agree on the layout of the record that crosses between them."""

import struct

from acurl._engine import ffi

from acurl import response

STRUCT_CODES = {"int32_t": "i", "uint32_t": "I", "int64_t": "q", "uint64_t": "Q"}
# Fields by the name that Python gives them, in the order of acurl_record.
NAMES_IN_PYTHON = [
    *["CODE", "STATUS", "HTTP_VERSION", "CAUSE", "NEW_CONNECTIONS", "OS_ERROR", "CONNECTION_ID"],
    *["NAMELOOKUP", "CONNECT", "APPCONNECT", "PRETRANSFER", "STARTTRANSFER", "TOTAL", "START"],
    *["WAIT", "UPLOAD_SIZE", "DOWNLOAD_SIZE", "BODY_LEN", "HELD_BODY", "HEADER_LEN", "IP_LEN"],
    *["REDIRECT_LEN", "COOKIE_LEN", "ERROR_LEN", "CERT_LEN", "RETRIES"],
    "REQUEST_SIZE",
]


def fields() -> list[tuple[str, str, int]]:
    """Name, type and offset of each field of acurl_record in C."""
    described = ffi.typeof("acurl_record").fields
    return [(name, field.type.cname, field.offset) for name, field in described]


def test_size() -> None:
    assert ffi.sizeof("acurl_record") == response.RECORD.size


def test_types_and_offsets() -> None:
    codes = "".join(STRUCT_CODES[kind] for _name, kind, _offset in fields())
    expanded = "".join(
        code * int(count or "1") for count, code in [("6", "i"), ("12", "q"), ("", "Q"), ("8", "I")]
    )
    assert response.RECORD.format == "=6i12qQ8I"
    assert codes == expanded
    for index, (_name, _kind, offset) in enumerate(fields()):
        assert struct.calcsize("=" + codes[:index]) == offset


def test_order() -> None:
    in_c = [name.removesuffix("_us").upper() for name, _kind, _offset in fields()]
    assert in_c == NAMES_IN_PYTHON
    assert [getattr(response, name) for name in NAMES_IN_PYTHON] == list(range(27))


def test_the_length_of_the_body_stands_where_it_is_read_without_unpacking() -> None:
    (offset,) = (offset for name, _kind, offset in fields() if name == "body_len")
    assert offset == response._BODY_LEN_AT


def test_the_status_stands_where_it_is_read_without_unpacking() -> None:
    (offset,) = (offset for name, _kind, offset in fields() if name == "status")
    assert offset == 4
