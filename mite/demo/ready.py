"""Telling others that the target answers: words for a person, a file for a script."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the target answers; `https` shows a certificate of the authority in `ca_file`."""

    http: str
    https: str
    ca_file: str
    pid: int

    def words(self) -> str:
        """What a person needs to use it."""
        return (
            "The demo target answers:\n"
            f"  {self.http:<32} HTTP/1.1\n"
            f"  {self.https:<32} HTTP/2 and HTTP/1.1 over TLS\n"
            f"Trust its certificate with SSL_CERT_FILE={shlex.quote(self.ca_file)}\n"
            f"or with @mite_http(verify={self.ca_file!r}).\n"
            "GET / lists the routes, GET /stats counts what arrived. Ctrl-C stops it."
        )

    def write(self, path: Path) -> None:
        """Leave it as JSON; whoever finds the file finds it whole."""
        urls = {"http": self.http, "https": self.https}
        document = {"urls": urls, "ca_file": self.ca_file, "pid": self.pid}
        draft = path.with_name(f".{path.name}.{self.pid}")
        draft.write_text(json.dumps(document) + "\n")
        draft.replace(path)
