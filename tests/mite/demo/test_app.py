"""Every route of the running target, seen by curl over each protocol."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.target import Target

PROTOCOLS = ("http", "https 1.1", "https 2")


@dataclass(frozen=True)
class Answer:
    """What curl got."""

    status: int
    http_version: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Curl:
    """curl with a cookie jar, over one of the three ways to the target."""

    def __init__(self, target: Target, protocol: str, directory: Path) -> None:
        scheme, _, self.version = protocol.partition(" ")
        self.base = target.https if scheme == "https" else target.http
        self.target = target
        self._directory = directory
        self._options = [
            "--cacert",
            target.ca_file,
            "--http2" if self.version == "2" else "--http1.1",
        ]

    def __call__(self, path: str, *options: str) -> Answer:
        output, heads, jar = (self._directory / name for name in ("body", "heads", "jar"))
        output.write_bytes(b"")
        report = "%{http_code} %{http_version}"
        saved = ["-o", str(output), "-D", str(heads), "-c", str(jar), "-b", str(jar), "-w", report]
        command = ["curl", "-sS", *self._options, *saved, *options, self.base + path]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        status, version = done.stdout.split()
        lines = (line.partition(":") for line in heads.read_text().splitlines() if ":" in line)
        headers = {name.lower(): value.strip() for name, _, value in lines}
        return Answer(int(status), version, headers, output.read_bytes())

    def post(self, path: str, fields: dict[str, object]) -> Answer:
        return self(path, "-H", "Content-Type: application/json", "-d", json.dumps(fields))


@pytest.fixture(params=PROTOCOLS)
def curl(target: Target, request: pytest.FixtureRequest, tmp_path: Path) -> Curl:
    return Curl(target, request.param, tmp_path)


def test_speaks_the_protocol_asked_for(curl: Curl) -> None:
    answer = curl("/echo")
    assert answer.http_version == (curl.version or "1.1")
    assert answer.json()["http_version"] == answer.http_version


def test_a_visit_from_the_list_to_the_receipt(curl: Curl) -> None:
    goods = curl("/items").json()["items"]
    assert curl(f"/items/{goods[4]['id']}").json() == goods[4]
    assert curl.post("/login", {"user": "user7", "password": "pass7"}).json() == {"user": "user7"}
    assert curl("/basket").json() == {"user": "user7", "lines": [], "total": 0}
    added = curl.post("/basket", {"item": goods[4]["id"], "quantity": 2})
    assert added.status == 201
    assert added.json()["lines"] == [{**goods[4], "quantity": 2}]
    receipt = curl("/checkout", "-X", "POST")
    assert receipt.status == 201
    assert receipt.json()["total"] == 2 * goods[4]["price"]
    assert curl("/checkout", "-X", "POST").status == 409


def test_a_form_signs_in_as_well_as_json(curl: Curl) -> None:
    answer = curl("/login", "-d", "user=user7&password=pass7")
    assert answer.status == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert ("Secure" in cookie) == curl.base.startswith("https")


def test_the_basket_needs_the_cookie(curl: Curl) -> None:
    for path, options in (("/basket", ()), ("/checkout", ("-X", "POST"))):
        answer = curl(path, *options)
        assert answer.status == 401
        assert answer.json()["error"].startswith("no session")
    assert curl("/basket", "-H", "Cookie: session=guessed").status == 401


def test_echo_gives_back_method_headers_and_body(curl: Curl) -> None:
    sent = ["-X", "PATCH", "-H", "X-One: 1", "-H", "X-One: 2", "-d", "caf\u00e9"]
    seen = curl("/echo?a=1&b=2", *sent).json()
    assert (seen["method"], seen["path"], seen["query"]) == ("PATCH", "/echo", "a=1&b=2")
    assert seen["headers"]["x-one"] == "1, 2"
    assert seen["body"] == "caf\u00e9"


def test_echo_gives_back_bytes_that_are_no_text(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"\xff\x00\xfe")
    seen = curl("/echo", "--data-binary", f"@{tmp_path}/blob").json()
    assert seen["body_base64"] == "/wD+"


def test_echo_refuses_more_than_it_reads(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(bytes(9 * 1024 * 1024))
    answer = curl("/echo", "-H", "Expect:", "--data-binary", f"@{tmp_path}/blob")
    assert answer.status == 413


@pytest.mark.parametrize("code", [200, 201, 204, 304, 400, 404, 418, 500, 503, 599])
def test_status_answers_with_it(curl: Curl, code: int) -> None:
    assert curl(f"/status/{code}").status == code


def test_redirects_point_somewhere(curl: Curl) -> None:
    answer = curl("/status/302")
    assert (answer.status, answer.headers["location"]) == (302, "/echo")
    assert curl("/status/307", "-L").json()["path"] == "/echo"


@pytest.mark.parametrize("size", [0, 1, 255, 65536, 65537, 3_000_001])
def test_bytes_are_as_many_as_asked_for(curl: Curl, size: int) -> None:
    answer = curl(f"/bytes/{size}")
    assert answer.headers["content-length"] == str(size)
    assert answer.body == (bytes(range(256)) * (size // 256 + 1))[:size]


def test_delay_takes_its_time(curl: Curl) -> None:
    answer = curl("/delay/150", "-w", "%{http_code} %{time_total}")
    assert answer.json() == {"delayed_ms": 150}
    assert float(answer.http_version) >= 0.15


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/delay/x", "the delay in milliseconds must be a whole number from 0 to 60000, not 'x'"),
        ("/delay/60001", "the delay in milliseconds must be a whole number from 0 to 60000"),
        ("/status/199", "the status must be a whole number from 200 to 599, not '199'"),
        ("/bytes/-1", "the number of bytes must be a whole number from 0 to 268435456, not '-1'"),
        ("/items/one", "the item id must be a whole number from 1 to 1000000000, not 'one'"),
    ],
)
def test_a_bad_number_is_named(curl: Curl, path: str, sentence: str) -> None:
    answer = curl(path)
    assert answer.status == 400
    assert answer.json()["error"].startswith(sentence)


def test_a_body_that_is_no_object_is_refused(curl: Curl) -> None:
    for sent in ("[1]", "{", ""):
        assert curl("/login", "-H", "Content-Type: application/json", "-d", sent).status == 400
    answer = curl.post("/login", {"user": 1})
    assert answer.json()["error"] == "field 'user' must be a string, not 1"


def test_no_such_route_says_where_the_list_is(curl: Curl) -> None:
    assert curl("/nowhere").json() == {"error": "no route for GET /nowhere: GET / lists them"}
    assert curl("/items", "-X", "PUT").status == 404
    assert "GET /items" in curl("/").json()["routes"]


def test_stats_count_each_request_once_and_themselves_never(curl: Curl) -> None:
    before = curl.target.stats()
    for _ in range(3):
        curl("/items/5")
    curl("/nowhere")
    after = curl.target.stats()
    assert after["total"] == before["total"] + 4
    route = "GET /items/{id}"
    seen = before["routes"].get(route, {"received": 0, "answered": {}})
    assert after["routes"][route]["received"] == seen["received"] + 3
    assert after["routes"][route]["answered"]["200"] == seen["answered"].get("200", 0) + 3
    version = curl.version or "1.1"
    assert after["protocols"][version] == before["protocols"].get(version, 0) + 4


def test_two_visitors_never_see_each_others_basket(target: Target, tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
    one, two = (Curl(target, "https 2", place) for place in places)
    for visitor, user in ((one, "user1"), (two, "user2")):
        visitor.post("/login", {"user": user, "password": user.replace("user", "pass")})
    one.post("/basket", {"item": 1})
    assert two("/basket").json() == {"user": "user2", "lines": [], "total": 0}
    assert [line["id"] for line in one("/basket").json()["lines"]] == [1]


def test_counts_agree_with_h2load_under_load(target: Target) -> None:
    before = target.received("GET /items/{id}")
    command = ["h2load", "-n2000", "-c10", "-m10", f"{target.https}/items/9"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "2000 succeeded, 0 failed, 0 errored" in done.stdout
    assert target.received("GET /items/{id}") == before + 2000
