"""URLs reach libcurl encoded, or are refused in one sentence."""

from typing import Any

import pytest

import acurl
from acurl.urls import encode_url, origin, resolve


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("http://host", b"http://host"),
        ("https://host:8443/a?b=c#d", b"https://host:8443/a?b=c#d"),
        ("HTTP://Host/", b"http://Host/"),
        ("http://host/a b", b"http://host/a%20b"),
        ("http://host/é?q=ü", b"http://host/%C3%A9?q=%C3%BC"),
        ("http://host/%C3%A9%20", b"http://host/%C3%A9%20"),
        ("http://host?q=a b", b"http://host?q=a%20b"),
        ("http://bücher.example/x", b"http://xn--bcher-kva.example/x"),
        ("http://a@bücher.example/x", b"http://a@xn--bcher-kva.example/x"),
        ("http://[::1]:80/", b"http://[::1]:80/"),
        ('http://host/[x]{y}|"<>`^\\', b'http://host/[x]{y}|"<>`^\\'),
    ],
)
def test_encoded(url: str, encoded: bytes) -> None:
    assert encode_url(url) == encoded


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (b"http://host/", "must be a str, not bytes"),
        (None, "must be a str, not NoneType"),
        ("", "must be absolute"),
        ("/path", "must be absolute"),
        ("host/path", "must be absolute"),
        ("ftp://host/", "scheme must be http or https, not 'ftp'"),
        ("file:///etc/passwd", "scheme must be http or https, not 'file'"),
        ("http://", "has no host"),
        ("http:///path", "has no host"),
        ("http://:80/", "has no host"),
        ("http://ho st/", "must not contain a blank"),
        ("http://host/\r\nX: y", "must not contain '\\r'"),
        ("http://host/\n", "must not contain '\\n'"),
        ("http://host/\0", "must not contain '\\x00'"),
        ("http://host/\x7f", "must not contain '\\x7f'"),
        ("http://host:99999/", "Port out of range"),
        ("http://host:port/", "Port could not be cast"),
        ("http://[::1/", "Invalid IPv6 URL"),
        ("http://b\xfcche..r/", "no valid name"),
        ("http://host/\ud800", "surrogates"),
    ],
)
def test_refused(url: Any, reason: str) -> None:
    with pytest.raises(acurl.RequestError) as caught:
        encode_url(url)
    message = str(caught.value)
    assert message.startswith(f"url {url!r}: ")
    assert reason in message


def test_origins() -> None:
    assert origin("http://Host/a") == origin("http://host:80/b") == ("http", "host", 80)
    assert origin("https://host/") == ("https", "host", 443)
    assert origin("https://host/") != origin("https://host:444/")


def test_relative_urls_are_resolved() -> None:
    assert resolve("http://host/a/b?c", "../d") == "http://host/d"
    assert resolve("http://host/a", "https://other/") == "https://other/"
