"""What the witness counts."""

from mite.demo.traffic import Traffic


def test_counts_by_route_status_and_protocol() -> None:
    traffic = Traffic()
    assert traffic.snapshot() == {"total": 0, "protocols": {}, "routes": {}}
    for protocol, status in (("1.1", 200), ("2", 200), ("2", 404)):
        traffic.received("GET /items", protocol)
        traffic.answered("GET /items", status)
    traffic.received("GET /delay/{ms}", "2")
    assert traffic.snapshot() == {
        "total": 4,
        "protocols": {"1.1": 1, "2": 3},
        "routes": {
            "GET /delay/{ms}": {"received": 1, "answered": {}},
            "GET /items": {"received": 3, "answered": {"200": 2, "404": 1}},
        },
    }
