"""Certificates that clients can trust and keys that others cannot read."""

import ssl
import stat
from pathlib import Path

from mite.demo.certificate import issue


def test_the_key_belongs_to_the_certificate_and_to_its_owner_only(tmp_path: Path) -> None:
    made = issue(tmp_path, ["localhost", "127.0.0.1"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.key)
    assert ssl.create_default_context(cafile=made.ca).cert_store_stats()["x509_ca"] == 1
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_a_second_issue_replaces_the_first(tmp_path: Path) -> None:
    first = issue(tmp_path, ["localhost"]).ca.read_bytes()
    assert issue(tmp_path, ["localhost"]).ca.read_bytes() != first
