"""A certificate authority for one test run, and certificates that are right or wrong on purpose."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificate:
    """A certificate chain and its private key, as PEM files."""

    chain: Path
    key: Path


@dataclass(frozen=True)
class Certificates:
    """What TLS tests need: trust `ca_file`, serve one of the others."""

    ca_file: Path
    good: Certificate
    expired: Certificate
    wrong_host: Certificate
    other_ca_file: Path
    """An authority that signed none of them."""


def _write(directory: Path, name: str, leaf: trustme.LeafCert) -> Certificate:
    certificate = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    certificate.chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(certificate.key))
    return certificate


def make_certificates(directory: Path) -> Certificates:
    """Write a CA and its certificates into `directory`, which must exist."""
    authority, stranger = trustme.CA(), trustme.CA()
    ca_file, other_ca_file = directory / "ca.pem", directory / "other-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    stranger.cert_pem.write_to_path(str(other_ca_file))
    now = datetime.now(UTC).replace(tzinfo=None)
    expired = authority.issue_cert(
        *LOCAL_NAMES,
        not_before=now - timedelta(days=30),
        not_after=now - timedelta(days=1),
    )
    return Certificates(
        ca_file=ca_file,
        good=_write(directory, "good", authority.issue_cert(*LOCAL_NAMES)),
        expired=_write(directory, "expired", expired),
        wrong_host=_write(directory, "wrong-host", authority.issue_cert("elsewhere.test")),
        other_ca_file=other_ca_file,
    )
