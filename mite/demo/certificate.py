"""A throw-away certificate authority and one certificate of it, on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of PEM files: whom clients trust, what the server shows, and its key."""

    ca: Path
    chain: Path
    key: Path


def issue(directory: Path, names: list[str]) -> Certificate:
    """Write a fresh authority and its certificate for these host names and addresses."""
    authority = trustme.CA()
    leaf = authority.issue_cert(*names)
    made = Certificate(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    made.ca.write_bytes(authority.cert_pem.bytes())
    made.chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    made.key.touch(mode=0o600)
    made.key.write_bytes(_pkcs8(leaf.private_key_pem.bytes()))
    return made


def _pkcs8(pem: bytes) -> bytes:
    # Granian reads keys in this form only.
    return serialization.load_pem_private_key(pem, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
