"""TLS: what may be chosen of it, and what libcurl is told."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal

import certifi

from acurl.errors import RequestError
from acurl.values import check_choice, shown

if TYPE_CHECKING:
    from acurl.options import Options
    from acurl.profile import Value

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
TLS_VERSIONS: tuple[TlsVersion, ...] = ("1.0", "1.1", "1.2", "1.3")

# CURL_SSLVERSION_*; as the most, they stand in the upper half of the number.
_TLS_VERSIONS = {None: 0, "1.0": 4, "1.1": 5, "1.2": 6, "1.3": 7}

_CIPHERS = re.compile(r"[!-~]+([ ,][!-~]+)*", re.ASCII)


def check_trust(verify: object, cert: object) -> None:
    """Raise RequestError unless they say whom to trust, and who one is."""
    if not isinstance(verify, (bool, str)):
        raise RequestError(f"verify={shown(verify)}: must be True, False or a CA file's path")
    if isinstance(verify, str) and not os.path.isfile(verify):  # noqa: PTH113
        raise RequestError(f"verify={shown(verify)}: there is no such CA file")
    if cert is None:
        return
    if not (isinstance(cert, tuple) and [type(item) for item in cert] == [str, str]):
        raise RequestError(f"cert={shown(cert)}: must be a tuple (key file, certificate file)")
    for path in cert:
        if not os.path.isfile(path):  # noqa: PTH113 - a Path would change the message
            raise RequestError(f"cert: there is no file {shown(path)} (give key, certificate)")


def check_tls(least: object, most: object, ciphers: object) -> None:
    """Raise RequestError for what are no versions and names of ciphers."""
    for name, version in (("tls_min", least), ("tls_max", most)):
        if version is not None:
            check_choice(name, version, TLS_VERSIONS)
    if least is not None and most is not None and str(least) > str(most):
        raise RequestError(f"tls_min={least!r}: must not be above tls_max={most!r}")
    if ciphers is not None and not (isinstance(ciphers, str) and _CIPHERS.fullmatch(ciphers)):
        raise RequestError(
            f"ciphers={shown(ciphers)}: must be names of OpenSSL with ':' between, or None"
        )


def ca_file(verify: bool | str) -> str:
    """The file of the authorities that are trusted."""
    if isinstance(verify, str):
        return verify
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def tls_settings(options: Options) -> dict[str, Value]:
    """libcurl's options for https:// URLs."""
    verify = options.verify is not False
    settings: dict[str, Value] = {
        "SSL_VERIFYPEER": int(verify),
        "SSL_VERIFYHOST": 2 if verify else 0,
    }
    if verify:
        settings["CAINFO"] = ca_file(options.verify)
    if options.cert:
        settings["SSLKEY"], settings["SSLCERT"] = options.cert
    if options.tls_min or options.tls_max:
        settings["SSLVERSION"] = _tls_range(options.tls_min, options.tls_max)
    if not options.tls_resumption:
        settings["SSL_SESSIONID_CACHE"] = 0
    if options.cert_info:
        settings["CERTINFO"] = 1
    return settings | _cipher_settings(options.ciphers or "")


def _tls_range(least: str | None, most: str | None) -> int:
    # libcurl's own least is 1.2, and would be above the most.
    if least is None and most in {"1.0", "1.1"}:
        least = most
    return _TLS_VERSIONS[most] << 16 | _TLS_VERSIONS[least]


def _cipher_settings(ciphers: str) -> dict[str, Value]:
    names = ciphers.replace(",", ":").replace(" ", ":").split(":")
    # "_WITH_" stands in the names of older suites only.
    latest = [name for name in names if name.startswith("TLS_") and "_WITH_" not in name]
    older = [name for name in names if name and name not in latest]
    settings: dict[str, Value] = {}
    if latest:
        settings["TLS13_CIPHERS"] = ":".join(latest)
    if older:
        settings["SSL_CIPHER_LIST"] = ":".join(older)
    return settings
