"""``python -m acurl URL``: one request and when its steps were done; acurl at its smallest."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import acurl
from acurl.options import HTTP_VERSIONS
from acurl.urls import without_password

# What had happened by each of the times.
MOMENTS = {
    "name resolved": "namelookup_time",
    "connected": "connect_time",
    "TLS agreed": "appconnect_time",
    "ready to send": "pretransfer_time",
    "first byte": "starttransfer_time",
    "last byte": "total_time",
}
INTERRUPTED = 130
EXAMPLES = """\
examples:
  python -m acurl https://example.com/
  python -m acurl -X PUT -H "Content-Type: application/json" -d '{"a": 1}' http://127.0.0.1:8080/echo
  python -m acurl --cacert ca.pem --http-version 2 https://127.0.0.1:8443/items
  python -m acurl --json http://127.0.0.1:8080/ | jq .times.total
  python -m acurl --resolve example.com:443=192.0.2.7 https://example.com/

Each time counts from the start of the request; what one step took is the difference to the line
before it. "-" means that there was no TLS. A redirect is shown, not followed. An answer of any
status is a success (exit code 0); no answer is a failure (1); a wrong option is a usage error (2).
"""


def main(arguments: list[str] | None = None) -> int:
    """Make the request that the arguments describe; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        response = _fetch(options)
    except acurl.RequestError as error:
        parser.error(str(error))
    except acurl.AcurlError as error:
        return _failed(error, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    return _told(json.dumps(_document(response)) if options.json else _words(response))


def _told(text: str) -> int:
    """Print to standard output; returns the exit code, 1 when it takes nothing."""
    try:
        print(text, flush=True)
    except OSError as error:
        # Python flushes what is left once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"python -m acurl: standard output: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m acurl",
        description="Make one HTTP request; show the answer's head and when each step was done.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("url", metavar="URL", help="http:// or https://")
    add("-X", "--request", metavar="METHOD", type=_method, help="GET, or POST when there is data")
    add(
        "-H",
        "--header",
        metavar="'NAME: VALUE'",
        type=_header,
        action="append",
        default=[],
        help="a header to send; may be repeated",
    )
    add("-d", "--data", metavar="TEXT", help="the body to send")
    add("--http-version", choices=HTTP_VERSIONS, default="auto", help="default: auto")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--insecure", action="store_true", help="accept any certificate")
    trust.add_argument("--cacert", metavar="FILE", type=_file, help="trust the CAs in FILE only")
    add("--proxy", metavar="URL", help="scheme://user:password@host:port; '' for none at all")
    add("--unix-socket", metavar="PATH", help="connect to this socket")
    pairs: dict[str, Any] = {"type": _pair, "action": "append", "default": []}
    add("--resolve", metavar="HOST:PORT=ADDRESS", help="in place of the name server", **pairs)
    add("--connect-to", metavar="HOST:PORT=HOST:PORT", help="ask another server", **pairs)
    add("--json", action="store_true", help="one JSON object, times in seconds since the start")
    return parser


def _method(text: str) -> str:
    if not (text.isascii() and text.isalpha()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a method: letters only, such as PUT")
    return text.upper()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon):
        raise argparse.ArgumentTypeError(f"{text!r} is not a header: write 'Name: value'")
    return name.strip(), value.strip()


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} has no '=' between what and where")
    return key, value


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return text


def _fetch(options: argparse.Namespace) -> Any:
    return acurl.request(
        options.request or ("GET" if options.data is None else "POST"),
        options.url,
        headers=_joined(options.header),
        data=options.data,
        allow_redirects=False,
        http_version=options.http_version,
        verify=options.cacert or not options.insecure,
        proxy=options.proxy,
        unix_socket=options.unix_socket,
        resolve=dict(options.resolve),
        connect_to=dict(options.connect_to),
    )


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _words(response: Any) -> str:
    lines = [_status_line(response)]
    lines += [f"{name}: {value}" for name, value in response.headers_tuple]
    lines += ["", f"{len(response.body)} bytes of body from {response.primary_ip}", ""]
    lines.append("time since the start")
    for moment, attribute in MOMENTS.items():
        seconds = getattr(response, attribute)
        absent = attribute == "appconnect_time" and not seconds
        reached = "-" if absent else f"{seconds * 1000:.2f} ms"
        lines.append(f"  {moment:<13}{reached:>13}")
    lines += ["", f"libcurl {acurl.libcurl_version()}"]
    return "\n".join(lines)


def _status_line(response: Any) -> str:
    # The last one: an answer may be preceded by 1xx ones.
    lines: list[str] = response.header.splitlines()
    return [line for line in lines if line.startswith("HTTP/")][-1].strip()


def _document(response: Any) -> dict[str, Any]:
    return {
        "url": without_password(response.url),
        "status": response.status_code,
        "http_version": response.http_version,
        "headers": [list(pair) for pair in response.headers_tuple],
        "body_bytes": len(response.body),
        "primary_ip": response.primary_ip,
        "times": {
            attribute.removesuffix("_time"): round(getattr(response, attribute), 6)
            for attribute in MOMENTS.values()
        },
        "libcurl": acurl.libcurl_version(),
    }


def _failed(error: acurl.AcurlError, options: argparse.Namespace) -> int:
    print(f"python -m acurl: {error}", file=sys.stderr)
    if options.json:
        told = {
            "url": without_password(options.url),
            "error": str(error),
            "kind": type(error).__name__,
        }
        _told(json.dumps({**told, "code": error.code}))
    return 1


if __name__ == "__main__":
    sys.exit(main())
