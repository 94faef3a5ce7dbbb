"""A certificate authority for one test run, and certificates that are right or wrong on purpose."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
    renewed: Certificate
    """As good as `good`, with another key."""
    of_a_stranger: Certificate
    """Right in all, but signed by `other_ca_file`."""
    self_signed: Certificate
    """Signed by itself."""
    of_tomorrow: Certificate
    """Not valid yet."""
    other_ca_file: Path
    """An authority that signed none of them."""


def _write(directory: Path, name: str, leaf: trustme.LeafCert) -> Certificate:
    certificate = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    certificate.chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(certificate.key))
    return certificate


def _write_self_signed(directory: Path) -> Certificate:
    certificate = Certificate(directory / "self-signed.pem", directory / "self-signed.key")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    unsigned = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = (
        unsigned.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    certificate.chain.write_bytes(signed.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    certificate.key.write_bytes(key.private_bytes(pem, *plain))
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
    tomorrow = authority.issue_cert(
        *LOCAL_NAMES,
        not_before=now + timedelta(days=1),
        not_after=now + timedelta(days=30),
    )
    return Certificates(
        ca_file=ca_file,
        good=_write(directory, "good", authority.issue_cert(*LOCAL_NAMES)),
        expired=_write(directory, "expired", expired),
        wrong_host=_write(directory, "wrong-host", authority.issue_cert("elsewhere.test")),
        renewed=_write(directory, "renewed", authority.issue_cert(*LOCAL_NAMES)),
        of_a_stranger=_write(directory, "stranger", stranger.issue_cert(*LOCAL_NAMES)),
        self_signed=_write_self_signed(directory),
        of_tomorrow=_write(directory, "tomorrow", tomorrow),
        other_ca_file=other_ca_file,
    )
