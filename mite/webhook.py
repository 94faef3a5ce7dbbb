"""Tells a web service when a test starts and ends: ``--logging-webhook``.

``POST <url>/start`` with ``{"testname": ...}`` is answered with 200 and ``{"newid": ...}``;
``POST <url>/end`` with ``{"id": ...}`` with 204.
"""

from __future__ import annotations

import http.client
import json
import logging
import urllib.error
import urllib.request
from typing import Any

from mite.exceptions import ConfigurationError

logger = logging.getLogger(__name__)

_SECONDS = 10
_MOST_BYTES = 65_536


class Webhook:
    """One test's entries at ``url``.  Its calls block, and are made while no journey runs."""

    def __init__(self, url: str) -> None:
        self._url = url.removesuffix("/")
        self._id: Any = None
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"--logging-webhook={url} is not possible: it must begin with http:// or https://."
            )

    def __repr__(self) -> str:
        return f"Webhook({self._url!r}, id {self._id!r})"

    def start(self, test: str) -> None:
        """Log the start; ConfigurationError when it cannot be, for then the test must not run."""
        try:
            self._id = _new_id(*self._post("start", {"testname": test}))
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            raise ConfigurationError(
                f"the start of the test cannot be logged at {self._url}/start: {_why(error)}."
            ) from error

    def end(self) -> None:
        """Log the end; a warning when it cannot be."""
        try:
            status, _ = self._post("end", {"id": self._id})
        except (OSError, http.client.HTTPException) as error:
            why = _why(error)
        else:
            if status == http.client.NO_CONTENT:
                return
            why = f"it answered {status}"
        logger.warning("the end of the test cannot be logged at %s/end: %s", self._url, why)

    def _post(self, act: str, content: dict[str, Any]) -> tuple[int, bytes]:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            f"{self._url}/{act}",
            data=json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        try:
            answer = urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.read(_MOST_BYTES)


def _new_id(status: int, body: bytes) -> Any:
    if status != http.client.OK:
        raise ValueError(f"it answered {status}")
    return json.loads(body)["newid"]


def _why(error: Exception) -> str:
    if isinstance(error, LookupError | TypeError):
        return 'its answer has no "newid"'
    return str(error) or type(error).__name__
