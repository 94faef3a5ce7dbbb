"""Messages as a pool of connections sends them."""

from typing import Any

from mite.transport import Message

TOTALS = ("started", "finished", "opened", "reused", "evicted", "retries", "timeouts")
REASONS = ("server", "server_idle", "server_limit", "pool_limit", "expired", "client", "error")


class PoolMessages:
    """One pool, whose counts grow by what each message is told."""

    def __init__(self, pool: str = "http", **identity: Any) -> None:
        self._head = {"type": "http_pool", "pool": pool, "options": "", "time": 1e9}
        self._head.update({"test": "t", "runner_id": 1, **identity})
        self._totals = dict.fromkeys(TOTALS, 0)
        self._closed = dict.fromkeys(REASONS, 0)

    def __call__(self, closed: dict[str, int] | None = None, **words: Any) -> Message:
        """The next message: changes, gauges and waits, each by its name."""
        changes = {name: words.pop(name, 0) for name in TOTALS}
        changed = dict.fromkeys(REASONS, 0) | (closed or {})
        self._totals = {name: count + changes[name] for name, count in self._totals.items()}
        self._closed = {name: count + changed[name] for name, count in self._closed.items()}
        gauges = {"in_use": 0, "idle": 0, "queued": 0, "streams": 0.0, "max_connections": None}
        measured = {"max_connects": 100, "wait_p50": 0.0, "wait_p99": 0.0, "rss": 1, "vms": 2}
        return {
            **self._head,
            **gauges,
            **measured,
            **words,
            "totals": self._totals,
            "changes": changes,
            "closed": self._closed,
            "closed_changes": changed,
        }
