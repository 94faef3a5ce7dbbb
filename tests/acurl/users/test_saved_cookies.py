"""Netscape cookie files: what acurl writes curl reads, what curl writes acurl reads."""

import stat
import subprocess
from pathlib import Path

import pytest

import acurl
from acurl.cookies import read_cookie_file, write_cookie_file
from tests.acurl.conftest import RunWrapper
from tests.acurl.echo import Echo, headers_of

HEAD = "# Netscape HTTP Cookie File\n"
LINES = [
    "127.0.0.1\tFALSE\t/\tFALSE\t0\tplain\tx y",
    "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t4102444800\thidden\tk=v",
    "127.0.0.1\tFALSE\t/deep\tFALSE\t0\tdeep\t",
    "127.0.0.1\tFALSE\t/\tFALSE\t0\tletters\t\u00e9\u2028",
    "127.0.0.1\tFALSE\t/\tFALSE\t0\tbytes\t\udcff",
    ".other.example\tTRUE\t/\tTRUE\t4102444800\tfar\t1",
]


def cookies_of(request: bytes) -> list[str]:
    return sorted(value for name, value in headers_of(request) if name == "cookie")


def curl(*words: str | Path) -> None:
    subprocess.run(["curl", "--disable", "-sS", *words], check=True, timeout=30)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cookies"
    write_cookie_file(file, LINES)
    assert file.read_text(errors="surrogateescape").startswith(HEAD)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    read = [cookie.format().decode(errors="surrogateescape") for cookie in read_cookie_file(file)]
    assert read == LINES
    write_cookie_file(file, [])
    assert read_cookie_file(str(file)) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["cookies"]


def test_odd_but_good_files(tmp_path: Path) -> None:
    file = tmp_path / "cookies"
    lines = [
        "\ufeff" + HEAD.strip(),
        "",
        " \t",
        "#comment",
        "# HttpOnly",
        *LINES[:3],
        "  " + LINES[0],
    ]
    file.write_bytes("\r\n".join([*lines, "h\ttrue\t\tfalse\t0\tname"]).encode())
    *cookies, last = read_cookie_file(file)
    assert [cookie.format().decode() for cookie in cookies] == [*LINES[:3], LINES[0]]
    assert last.format() == b"h\tTRUE\t/\tFALSE\t0\tname\t"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("name=secret", "must have 7 fields between tabs, not 1"),
        ("h\tFALSE\t/\tFALSE\tnever\tname\tsecret", "expiration must be seconds since 1970 or 0"),
        ("h\tFALSE\t/\tmaybe\t0\tname\tsecret", "secure must be TRUE or FALSE, not 'maybe'"),
        ("h\tFALSE\t/\tFALSE\t0\t\tsecret", "must name the cookie"),
        ("h\tFALSE\t/\tFALSE\t0\tname\tsecret\x01", "must not contain '\\x01'"),
        ("h\tFALSE\t/\tFALSE\t0\tname\tsecret\r\r", "must not contain '\\r'"),
        ("h\tFALSE\t/\tFALSE\t0\tname\tsec\0ret", "must not contain '\\x00'"),
        ("h\tFALSE\t/\tFALSE\t0\tname\t" + "secret" * 2000, "have 12004 bytes, at most are 8180"),
        ("#HttpOnly_", "must have 7 fields"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "cookies"
    file.write_text(f"{HEAD}\n{LINES[0]}\n{line}\n", newline="")
    with pytest.raises(acurl.RequestError) as caught:
        read_cookie_file(file)
    assert str(caught.value).startswith(f"cookie file '{file}', line 4: ")
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)


def test_nothing_is_written_in_part(tmp_path: Path) -> None:
    file = tmp_path / "cookies"
    write_cookie_file(file, LINES)
    before = file.read_bytes()

    def broken() -> list[str]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_cookie_file(file, (line for _ in range(1) for line in broken()))
    with pytest.raises(UnicodeEncodeError):
        write_cookie_file(file, ["\ud800"])
    assert file.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["cookies"]
    with pytest.raises(FileNotFoundError):
        write_cookie_file(tmp_path / "none" / "cookies", LINES)
    with pytest.raises(FileNotFoundError):
        read_cookie_file(tmp_path / "none")


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "cookies")
    write_cookie_file(tmp_path / "link", LINES)
    assert len(read_cookie_file(tmp_path / "cookies")) == len(LINES)
    assert (tmp_path / "link").is_symlink()
    with pytest.raises(acurl.RequestError, match="'/dev/null': is no regular file"):
        write_cookie_file("/dev/null", LINES)
    with pytest.raises(acurl.RequestError, match="is no regular file"):
        write_cookie_file(tmp_path, LINES)


def test_curl_sends_what_was_written(tmp_path: Path, echo: Echo) -> None:
    file = tmp_path / "cookies"
    write_cookie_file(file, LINES)
    curl("-b", file, "-o", tmp_path / "body", f"{echo.url}/deep")
    (line,) = cookies_of(echo.last())
    sent = set(line.encode("latin-1").split(b"; "))
    assert sent == {
        b"plain=x y",
        b"hidden=k=v",
        b"deep=",
        "letters=\u00e9\u2028".encode(),
        b"bytes=\xff",
    }


def test_a_session_sends_what_curl_was_told(
    run_wrapper: RunWrapper, tmp_path: Path, echo: Echo
) -> None:
    jar, saved = tmp_path / "jar", tmp_path / "saved"
    words = [
        "a=1;%20HttpOnly;%20Max-Age=1000;%20Path=/d",
        "b=x%20y;%20Path=/",
        "c=3;%20Path=/d",
        "e=;%20Secure;%20Path=/d/f",
    ]
    for word in words:
        curl("-b", jar, "-c", jar, "-o", tmp_path / "body", f"{echo.url}/d/?set={word}")
    curl("-b", jar, "-o", tmp_path / "body", f"{echo.url}/d/f")
    expected = cookies_of(echo.last())

    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        session.load_cookies(jar)
        await session.get(f"{echo.url}/d/f")
        assert cookies_of(echo.last()) == expected
        session.save_cookies(saved)

    run_wrapper(body)
    curl("-b", saved, "-o", tmp_path / "body", f"{echo.url}/d/f")
    assert cookies_of(echo.last()) == expected != []
