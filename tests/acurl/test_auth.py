"""Ways to prove who one is: on the wire, refused, shown to nobody."""

import asyncio
import hashlib
import re
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

import acurl
from tests.acurl.conftest import RunWrapper, until
from tests.acurl.echo import Echo, body_of, headers_of
from tests.servers.raw import Connection, RawServer

ADA = acurl.Digest("ada", "love:lace")
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
SECRET = "hush-hush"


class Gate(RawServer):
    """Lets ada in by Digest (RFC 7616, qop=auth), a new nonce for each challenge.

    `received` holds all requests, body included; a path of /hold is never answered, and one of
    /drop is, with the end of the connection.
    """

    def __init__(self, algorithm: str = "MD5") -> None:
        self._algorithm = algorithm
        self._nonces: set[str] = set()
        self.received: list[bytes] = []
        super().__init__(self._guard)

    @property
    def authorizations(self) -> list[str]:
        """The Authorization header of each request, "" for none."""
        return [dict(headers_of(request)).get("authorization", "") for request in self.received]

    def _guard(self, connection: Connection) -> None:
        while head := connection.read_head():
            size = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            body = connection.read_exactly(int(size[1])) if size else b""
            if b"\r\ntransfer-encoding: chunked" in head.lower():
                while length := int(self._line(connection), 16):
                    body += connection.read_exactly(length + 2)[:-2]
                self._line(connection)
            self.received.append(head + body)
            if head.split()[1] == b"/hold":
                connection.read_until_closed()
            if head.split()[1] == b"/drop":
                return
            if self._lets_in(head):
                connection.respond(b"in:" + body)
            else:
                nonce = secrets.token_hex(8)
                self._nonces.add(nonce)
                connection.respond(
                    b"who are you?",
                    "401 Unauthorized",
                    f'WWW-Authenticate: Digest realm="r", qop="auth", nonce="{nonce}", '
                    f'algorithm={self._algorithm}, opaque="o"',
                )

    @staticmethod
    def _line(connection: Connection) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            line += connection.read_exactly(1)
        return line[:-2]

    def _lets_in(self, head: bytes) -> bool:
        line = dict(headers_of(head)).get("authorization", "")
        said = dict(re.findall(r'(\w+)="?([^",]*)', line))
        if not line.startswith("Digest ") or said["nonce"] not in self._nonces:
            return False

        def digest(text: str) -> str:
            return HASHES[self._algorithm](text.encode()).hexdigest()

        method, uri = head.decode().split()[:2]
        told = (said["nonce"], said["nc"], said["cnonce"], said["qop"])
        secret = digest(f"ada:r:{ADA.password}")
        right = digest(":".join((secret, *told, digest(f"{method}:{uri}"))))
        return (said["username"], said["response"], said["uri"]) == ("ada", right, uri)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A server with Digest and MD5."""
    with Gate() as server:
        yield server
    assert server.failures == []


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
def test_digest(run_wrapper: RunWrapper, algorithm: str, method: str) -> None:
    with Gate(algorithm) as gate:
        data = b"a\0b" * 1000 if method in {"POST", "PUT"} else None

        async def body(wrapper: acurl.CurlWrapper) -> None:
            answers: list[Any] = []
            session = wrapper.session()
            session.set_response_callback(answers.append)
            response = await session.request(method, f"{gate.url}/a?b=c", auth=ADA, data=data)
            assert (response.status_code, response.retries, response.history) == (200, 0, [])
            assert answers == [response]
            assert response.body == (b"" if method == "HEAD" else b"in:" + (data or b""))
            assert "401" not in response.header

        run_wrapper(body)
        first, second = gate.authorizations
        assert (first, second[:22]) == ("", 'Digest username="ada",')
        assert {request.split()[0].decode() for request in gate.received} == {method}
        assert body_of(gate.received[1]) == (data or b"")
        assert b"love:lace" not in b"".join(gate.received)
    assert gate.failures == []


@pytest.mark.parametrize(
    "data", [lambda: iter([b"one ", b"two"]), b"one two", "one two"], ids=["pieces", "bytes", "str"]
)
def test_a_body_with_digest(run_wrapper: RunWrapper, gate: Gate, data: Any) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().post(gate.url, data=data, auth=ADA)
        assert (response.status_code, response.body) == (200, b"in:one two")

    run_wrapper(body)


def test_a_form_with_digest(run_wrapper: RunWrapper, gate: Gate) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        response = await wrapper.session().post(gate.url, files={"f": b"within"}, auth=ADA)
        assert response.status_code == 200
        assert b"\r\n\r\nwithin\r\n" in response.body

    run_wrapper(body)


def test_the_head_of_a_streamed_answer_is_not_the_challenge(
    run_wrapper: RunWrapper, gate: Gate
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session()
        for auth, status, text in ((ADA, 200, b"in:"), (acurl.Digest("ada", "x"), 401, b"who are")):
            async with await session.get(gate.url, auth=auth, stream=True) as response:
                assert response.status_code == status
                assert (await response.read()).startswith(text)

    run_wrapper(body)


def test_a_wrong_password_is_an_answer(run_wrapper: RunWrapper, gate: Gate) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        answers: list[Any] = []
        session = wrapper.session(auth=acurl.Digest("ada", SECRET))
        session.set_response_callback(answers.append)
        response = await session.post(gate.url, data=b"x")
        assert (response.status_code, response.retries) == (401, 0)
        assert (response.body, answers) == (b"who are you?", [response])

    run_wrapper(body)


@pytest.mark.parametrize("max_retries", [3, 1, 0])
def test_a_challenge_is_no_retry(run_wrapper: RunWrapper, gate: Gate, max_retries: int) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for _ in range(2):
            response = await wrapper.session().get(gate.url, auth=ADA)
            assert (response.status_code, response.retries) == (200, 0)

    run_wrapper(body, max_retries=max_retries)


@pytest.mark.parametrize("end", ["let in", "refused", "dropped", "cancelled", "ended early"])
def test_nothing_of_digest_is_left_on_a_handle(
    run_wrapper: RunWrapper, gate: Gate, end: str
) -> None:
    async def visit(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(auth=ADA)
        if end == "let in":
            await session.get(gate.url)
        elif end == "refused":
            await session.get(gate.url, auth=acurl.Digest("ada", "x"))
        elif end == "dropped":
            with pytest.raises(acurl.AcurlError):
                await session.get(f"{gate.url}/drop")
        elif end == "cancelled":
            task = asyncio.create_task(session.get(f"{gate.url}/hold"))
            await until(lambda: len(gate.received) == 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            await (await session.get(gate.url, stream=True)).aclose()

    async def body(wrapper: acurl.CurlWrapper) -> None:
        await visit(wrapper)
        before = len(gate.received)
        assert (await wrapper.session().get(gate.url, auth=ADA)).status_code == 200
        assert [line[:6] for line in gate.authorizations[before:]] == ["", "Digest"]
        assert (await wrapper.session().get(gate.url)).status_code == 401
        assert gate.authorizations[-1] == ""
        assert (await wrapper.session().get(gate.url, auth=("ada", "x"))).status_code == 401
        assert gate.authorizations[-1].startswith("Basic ")
        assert wrapper.stats().handles == 1

    run_wrapper(body)


def test_a_challenge_is_kept_for_nobody_else(run_wrapper: RunWrapper, gate: Gate) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        assert (await wrapper.session().get(gate.url)).status_code == 401
        assert (await wrapper.session().get(gate.url, auth=ADA)).status_code == 200
        assert [line[:6] for line in gate.authorizations] == ["", "", "Digest"]

    run_wrapper(body)


def test_digest_is_stronger_than_a_login_in_the_url(run_wrapper: RunWrapper, gate: Gate) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        url = gate.url.replace("//", f"//bob:{SECRET}@")
        assert (await wrapper.session().get(url, auth=ADA)).status_code == 200
        assert (await wrapper.session().get(url)).status_code == 401
        assert gate.authorizations[-1].startswith("Basic ")

    run_wrapper(body)


@pytest.mark.parametrize(
    ("auth", "line"),
    [
        (("ada", "love:lace"), "Basic YWRhOmxvdmU6bGFjZQ=="),
        (acurl.Basic("ada", "love:lace"), "Basic YWRhOmxvdmU6bGFjZQ=="),
        (("grün", "ß"), "Basic Z3LDvG46w58="),
        (("", ""), "Basic Og=="),
        (acurl.Bearer("a.b-c_d=="), "Bearer a.b-c_d=="),
    ],
)
def test_basic_and_bearer(run_wrapper: RunWrapper, echo: Echo, auth: Any, line: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        await wrapper.session().get(echo.url, auth=auth)
        assert dict(headers_of(echo.last()))["authorization"] == line
        await wrapper.session(auth=auth).post(echo.url, data=b"")
        assert dict(headers_of(echo.last()))["authorization"] == line
        await wrapper.session().get(echo.url)
        assert "authorization" not in dict(headers_of(echo.last()))

    run_wrapper(body)


@pytest.mark.parametrize(
    ("login", "line"),
    [
        ("ada:lovelace", "Basic YWRhOmxvdmVsYWNl"),
        ("a%40b:c%3Ad%2F", "Basic YUBiOmM6ZC8="),
        ("gr%C3%BCn:%C3%9F", "Basic Z3LDvG46w58="),
        ("grün:ß", "Basic Z3LDvG46w58="),
        ("ada:", "Basic YWRhOg=="),
        ("ada", "Basic YWRhOg=="),
    ],
)
def test_a_login_in_the_url(run_wrapper: RunWrapper, echo: Echo, login: str, line: str) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        for session in (wrapper.session(), wrapper.session(auth=("session", "x"))):
            await session.get(echo.url.replace("//", f"//{login}@"))
            assert dict(headers_of(echo.last()))["authorization"] == line

    run_wrapper(body)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: acurl.Basic("a:da", SECRET), "user's name must not contain ':'"),
        (lambda: acurl.Basic("ada", f"{SECRET}\n"), "password must not contain CR, LF or NUL"),
        (lambda: acurl.Digest("ada\0", SECRET), "user's name must not contain CR, LF or NUL"),
        (lambda: acurl.Digest("ada", f"{SECRET}\ud800"), "password has no encoding"),
        (lambda: acurl.Digest("ada", SECRET.encode()), "password must be a str, not bytes"),  # type: ignore[arg-type]
        (lambda: acurl.Basic(None, SECRET), "user's name must be a str, not NoneType"),  # type: ignore[arg-type]
        (lambda: acurl.Bearer(""), "token must be ASCII without blanks, and not empty"),
        (lambda: acurl.Bearer(f"{SECRET} x"), "token must be ASCII without blanks"),
        (lambda: acurl.Bearer(f"{SECRET}ß"), "token must be ASCII without blanks"),
        (lambda: acurl.Bearer(f"{SECRET}\r\nX: y"), "token must not contain CR, LF or NUL"),
    ],
)
def test_what_cannot_be_sent_is_refused(make: Any, reason: str) -> None:
    with pytest.raises(acurl.RequestError, match=f"^auth: the {re.escape(reason)}") as caught:
        make()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("auth", ["ada", 5, ("a",), ("a", "b", "c"), ["a", "b"], {}, (), b"a:b"])
def test_no_way_at_all_is_refused(run_wrapper: RunWrapper, auth: Any) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        with pytest.raises(acurl.RequestError, match="auth must be a tuple of two strings"):
            wrapper.session(auth=auth)
        for session in (wrapper.session(), wrapper.session(auth=ADA)):
            with pytest.raises(acurl.RequestError, match="auth must be a tuple of two strings"):
                await session.get("http://127.0.0.1:1/", auth=auth)

    run_wrapper(body)


WAYS = [("ada", SECRET), acurl.Basic("ada", SECRET), acurl.Digest("ada", SECRET)]


@pytest.mark.parametrize("auth", [*WAYS, acurl.Bearer(SECRET)], ids=lambda way: type(way).__name__)
def test_secrets_are_shown_to_nobody(
    run_wrapper: RunWrapper, echo: Echo, gate: Gate, auth: Any
) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> None:
        session = wrapper.session(auth=auth, headers={"X-Key": SECRET}, cookies={"a": SECRET})
        inside = f"//ada:{SECRET}@"
        response = await session.get(echo.url.replace("//", inside), headers={"Cookie": SECRET})
        shown = [repr(thing) for thing in (session, response, response.request, wrapper, echo)]
        shown += [repr(session._defaults), "" if isinstance(auth, tuple) else repr(auth)]
        refused = f"http://ada:{SECRET}@127.0.0.1:1/"
        for call in (
            session.get(refused),
            session.get(f"{refused} "),
            session.get(f"{gate.url}/drop".replace("//", inside)),
            session.get(echo.url, headers={"Authorization": f"{SECRET}\n"}),
        ):
            (result,) = await asyncio.gather(call, return_exceptions=True)
            shown.append(repr(result))
        assert [text for text in shown if SECRET in text] == []
        assert sum("curl failed with code" in text for text in shown) == 2

    run_wrapper(body)


@pytest.mark.parametrize(
    ("auth", "status"), [(ADA, 200), (acurl.Digest("ada", "x"), 401), (("ada", "love:lace"), 401)]
)
def test_the_command_for_curl_proves_it_the_same_way(gate: Gate, auth: Any, status: int) -> None:
    async def body(wrapper: acurl.CurlWrapper) -> str:
        return (await wrapper.session().get(gate.url, auth=auth)).request.to_curl()

    async def main() -> str:
        with acurl.CurlWrapper(asyncio.get_running_loop()) as wrapper:
            return await body(wrapper)

    command = f"{asyncio.run(main())} -s -o /dev/null -w '%{{http_code}}'"
    ours = len(gate.received)
    said = subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - it is meant for a shell
    assert said.stdout.decode() == str(status)
    schemes = [line.partition(" ")[0] for line in gate.authorizations]
    assert schemes[ours:] == schemes[:ours]


def test_the_command_for_curl_carries_a_token(echo: Echo) -> None:
    request = acurl.Request(b"GET", echo.url, auth=acurl.Bearer("t.o-k"))
    subprocess.run(f"{request.to_curl()} -s", shell=True, check=True, capture_output=True)  # noqa: S602 - it is meant for a shell
    assert dict(headers_of(echo.last()))["authorization"] == "Bearer t.o-k"
