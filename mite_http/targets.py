"""Where a pool is to have connections: URLs, and how many to each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import acurl
from acurl.values import MOST_COUNTED, count, shown

MOST_CONNECTIONS = 10_000
"""To one URL; beyond it a typing error is likelier than a wish."""


def target_url(value: object, name: str = "prewarm") -> str:
    """A URL from a URL, or from a host with or without a port, which is taken as ``https://``.

    Raises acurl.RequestError that names the value, and by ``name`` what it was given for.
    """
    url = value if isinstance(value, str) and "://" in value else f"https://{value}/"
    try:
        parts = urlsplit(url)
        named = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname)
        sound = named and parts.port != 0 and not any(map(str.isspace, url))
    except ValueError:
        sound = False
    if not (isinstance(value, str) and sound):
        raise acurl.RequestError(
            f"{name}={shown(value)}: must be a host, such as 'example.com', or an http:// or "
            "https:// URL"
        )
    return url


def checked_targets(value: object, connections: int = 1) -> tuple[tuple[str, int], ...]:
    """Pairs of URL and number of connections, from a URL, some of them, or a dict of both.

    Where one stands twice the larger number holds. Raises acurl.RequestError.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Iterable):
        raise acurl.RequestError(
            f"prewarm={shown(value)}: must be hosts or URLs, or a dict of them to how many "
            "connections"
        )
    pairs = _pairs(value, connections)
    found: dict[str, int] = {}
    for target, wanted in pairs:
        url = target_url(target)
        found[url] = max(found.get(url, 0), _number(wanted))
    return tuple(found.items())


def _pairs(value: Iterable[object], connections: int) -> list[tuple[object, object]]:
    if isinstance(value, Mapping):
        return list(value.items())
    # What was checked already is a pair each.
    return [item if _is_pair(item) else (item, connections) for item in value]  # type: ignore[misc]


def _is_pair(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2


def _number(wanted: object) -> int:
    number = count("prewarm connections", wanted, 1)
    if number > MOST_CONNECTIONS:
        raise acurl.RequestError(
            f"prewarm connections={shown(min(number, MOST_COUNTED))}: must be at most "
            f"{MOST_CONNECTIONS} to one URL"
        )
    return number
