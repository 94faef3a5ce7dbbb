"""TLS as options have it: versions, ciphers, resumption, early data, certificates as facts."""

import ssl
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from acurl.options import Options
from acurl.profile import OPTIONS, Settings
from tests.acurl.conftest import RunWrapper
from tests.servers.certificates import Certificates
from tests.servers.local import serving
from tests.servers.nginx import Nginx
from tests.servers.resuming import Resuming

SUITE_13, OTHER_13 = "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"
SUITE_12, OTHER_12 = "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"


@pytest.fixture(scope="module")
def resuming(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Resuming]:
    """A server that takes early data."""
    server = Resuming(tmp_path_factory.mktemp("resuming"), certificates.good)
    yield server
    server.close()


def server_context(certificates: Certificates, version: str = "") -> ssl.SSLContext:
    """TLS of one version only, or of those that are usual."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.good.chain, certificates.good.key)
    if version:
        context.set_ciphers("DEFAULT@SECLEVEL=0")  # the oldest sign with SHA-1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    return context


def negotiated(
    run_wrapper: RunWrapper, certificates: Certificates, version: str = "", **options: Any
) -> tuple[str, str]:
    """Suite and version of a request to a server with that version."""

    async def body(wrapper: acurl.CurlWrapper) -> tuple[str, str]:
        async with serving(tls=server_context(certificates, version)) as server:
            session = wrapper.session(verify=str(certificates.ca_file), **options)
            await session.get(f"https://127.0.0.1:{server.port}/")
            return server.ciphers[-1]

    return run_wrapper(body)


@pytest.mark.parametrize(
    ("options", "version"),
    [
        ({}, "TLSv1.3"),
        ({"tls_min": "1.2"}, "TLSv1.3"),
        ({"tls_max": "1.3"}, "TLSv1.3"),
        ({"tls_max": "1.2"}, "TLSv1.2"),
        ({"tls_min": "1.2", "tls_max": "1.2"}, "TLSv1.2"),
        ({"tls_min": "1.3", "tls_max": "1.3"}, "TLSv1.3"),
    ],
)
def test_versions(
    run_wrapper: RunWrapper, certificates: Certificates, options: Any, version: str
) -> None:
    assert negotiated(run_wrapper, certificates, **options)[1] == version


@pytest.mark.parametrize(
    ("version", "options"),
    [("TLSv1_2", {"tls_min": "1.3"}), ("TLSv1_3", {"tls_max": "1.2"}), ("TLSv1_1", {})],
)
def test_a_server_with_other_versions_is_refused(
    run_wrapper: RunWrapper, certificates: Certificates, version: str, options: Any
) -> None:
    with pytest.raises(acurl.TLSError, match=r"^curl failed with code 35: "):
        negotiated(run_wrapper, certificates, version, **options)


@pytest.mark.parametrize("limits", [{"tls_min": "1.0"}, {"tls_max": "1.0"}, {"tls_max": "1.1"}])
def test_versions_that_are_no_longer_usual(
    run_wrapper: RunWrapper, certificates: Certificates, limits: Any
) -> None:
    version = "1.0" if "1.0" in limits.values() else "1.1"
    found = negotiated(
        run_wrapper,
        certificates,
        f"TLSv1{'_1' if version == '1.1' else ''}",
        ciphers="DEFAULT@SECLEVEL=0",
        **limits,
    )
    # OpenSSL names a suite by the version that brought it.
    assert found[1] in {"TLSv1.0", "TLSv1.1", "SSLv3"}


@pytest.mark.parametrize(
    ("ciphers", "version", "chosen"),
    [
        (SUITE_13, "", SUITE_13),
        (OTHER_13, "", OTHER_13),
        (SUITE_12, "TLSv1_2", SUITE_12),
        (OTHER_12, "TLSv1_2", OTHER_12),
        (f"{OTHER_12}:{OTHER_13}", "", OTHER_13),
        (f"{OTHER_12}:{OTHER_13}", "TLSv1_2", OTHER_12),
        (f"{OTHER_13}, {OTHER_12}", "TLSv1_2", OTHER_12),
        (f"{OTHER_13} {SUITE_12}", "TLSv1_3", OTHER_13),
    ],
)
def test_ciphers(
    run_wrapper: RunWrapper, certificates: Certificates, ciphers: str, version: str, chosen: str
) -> None:
    assert negotiated(run_wrapper, certificates, version, ciphers=ciphers)[0] == chosen


@pytest.mark.parametrize("name", ["NONSENSE", "TLS_NONSENSE"])
def test_a_cipher_that_is_none_is_named(
    run_wrapper: RunWrapper, certificates: Certificates, name: str
) -> None:
    with pytest.raises(acurl.TLSError, match=rf"^curl failed with code 59: .*cipher.*: {name}"):
        negotiated(run_wrapper, certificates, ciphers=name)


def test_connections_of_other_options_are_not_used(
    run_wrapper: RunWrapper, certificates: Certificates
) -> None:
    choices: list[Any] = [
        {},
        {"tls_max": "1.2"},
        {"tls_max": "1.2", "ciphers": OTHER_12},
        {"ciphers": OTHER_13},
    ]

    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving(tls=server_context(certificates)) as server:
            for choice in choices * 2:
                session = wrapper.session(verify=str(certificates.ca_file), **choice)
                await session.get(f"https://127.0.0.1:{server.port}/")
            assert [version for _, version in server.ciphers] == [
                "TLSv1.3",
                "TLSv1.2",
                "TLSv1.2",
                "TLSv1.3",
            ]
            assert [server.ciphers[2][0], server.ciphers[3][0]] == [OTHER_12, OTHER_13]

    run_wrapper(body)


@pytest.mark.parametrize(("resumption", "seen"), [(True, [False, True]), (False, [False, False])])
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_resumption(
    run_wrapper: RunWrapper,
    certificates: Certificates,
    version: str,
    resumption: bool,
    seen: list[bool],
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async with serving(tls=server_context(certificates, version)) as server:
            options: Any = {"connections": "request", "tls_resumption": resumption}
            session = wrapper.session(verify=str(certificates.ca_file), **options)
            for _ in range(2):
                await session.get(f"https://127.0.0.1:{server.port}/")
            assert server.resumed == seen

    run_wrapper(body)


EARLY, LATER = "early=1 resumed=r", "early= resumed=r"


def test_early_data_is_for_safe_methods_alone(
    run_wrapper: RunWrapper, resuming: Resuming, certificates: Certificates
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        async def seen(method: str, session: acurl.Session, **asked: Any) -> set[str]:
            # Not all can be resumed: there is a first one, and who has an early answer may hang
            # up before the ticket for the next one came.
            answers = [await session.request(method, resuming.url, **asked) for _ in range(10)]
            return {answer.text.strip().partition(" ")[2] for answer in answers}

        options: Any = {"connections": "request", "verify": str(certificates.ca_file)}
        early, careful = wrapper.session(early_data=True, **options), wrapper.session(**options)
        for method in ("GET", "OPTIONS"):
            assert EARLY in await seen(method, early)
            assert EARLY in await seen(method, careful, early_data=True)
            assert LATER in await seen(method, careful)
            assert EARLY not in await seen(method, careful)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert EARLY not in await seen(method, early)

    run_wrapper(body)


def test_certificates_as_facts(run_wrapper: RunWrapper, nginx: Nginx) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(nginx.ca_file))
        asked = await session.get(f"{nginx.https}/small", cert_info=True)
        assert "trustme" in asked.certificates[0]["Issuer"]
        assert asked.certificates[0]["Cert"].startswith("-----BEGIN CERTIFICATE-----")
        assert (await session.get(f"{nginx.https}/small", connections="request")).certificates == ()

    run_wrapper(body)


def test_an_option_that_libcurl_refuses_is_named() -> None:
    settings = Settings(Options(ciphers="A:B", proxy="http://ada:lovelace@host:1"))
    version = acurl.libcurl_version()
    for number, said in (
        (OPTIONS["SSL_CIPHER_LIST"], f"ciphers='A:B': libcurl {version} does not take it"),
        (OPTIONS["PROXY"], f"proxy='http://***@host:1': libcurl {version} does not take it"),
        (OPTIONS["BUFFERSIZE"], "libcurl refuses an option of this request"),
        (0, "libcurl refuses an option of this request"),
    ):
        assert str(settings.refusal(number)) == said


def test_version_and_cipher_are_told_as_the_server_sees_them(
    run_wrapper: RunWrapper, nginx: Nginx
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(verify=str(nginx.ca_file), cert_info=True)
        for _ in range(2):  # the second one comes on the connection of the first
            answer = await session.get(f"{nginx.https}/tls")
            assert answer.tls == tuple(answer.text.split())
        plain = await session.get(f"{nginx.http}/small")
        unasked = await wrapper.session(verify=False).get(f"{nginx.https}/small")
        assert (plain.tls, unasked.tls, unasked.certificates) == (None, None, ())

    run_wrapper(body)
