"""What mite_http adds to a report's environment line."""

from __future__ import annotations

import acurl


def facts() -> dict[str, str]:
    """The libcurl that the requests go through."""
    return {"libcurl": acurl.libcurl_version()}
