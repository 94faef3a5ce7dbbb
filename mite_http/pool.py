"""SessionPool: the sessions that share one engine, and so its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Unpack

import acurl
from acurl.limits import LimitOptions
from mite_http import loops, settings
from mite_http.branch import Branch
from mite_http.checkup import CheckResult, check_url
from mite_http.options import Keywords, PoolOptions
from mite_http.prewarm import PrewarmReport, prewarm, warm_up
from mite_http.pulse import Pulse
from mite_http.session import AcurlSessionWrapper, lent
from mite_http.snapshot import PoolStats
from mite_http.targets import checked_targets, target_url

if TYPE_CHECKING:
    from mite_http.decorator import J


class _Decorator:
    """``@SessionPool.decorator`` is ``@mite_http``; ``@pool.decorator`` is that with this pool."""

    def __get__(self, pool: SessionPool | None, _: object = None) -> Callable[[J], J]:
        from mite_http.decorator import decorated, mite_http  # noqa: PLC0415 - which import this

        if pool is None:
            return mite_http
        return lambda journey: decorated(journey, pool)


class SessionPool:
    """Made once, outside of journeys and without a running loop; has an engine on each loop.

    The options are those of ``PoolOptions``; what is not given comes from the run's config, else
    from the environment (``settings``).  The engine is made when the first session is taken, and
    closed at the end of that journey's run, or when nobody used it for some minutes; outside of a
    run also by ``close``.  Raises acurl.RequestError for a bad value, TypeError for a bad name.
    """

    decorator = _Decorator()

    def __init__(self, **given: Unpack[Keywords]) -> None:
        environment = settings.from_environment()
        self._begin(settings.resolve(given, environment, {}), given, environment)

    def _begin(
        self, options: PoolOptions, given: Mapping[str, Any] | None, environment: settings.Layer
    ) -> None:
        self._given = given
        self._environment = environment
        self._changes: dict[str, Any] = {}
        self.options = options
        """As far as they are known: a run's config has its say when the first session is taken."""
        # On the loop that last used the pool, which is nearly always the only one.
        self._branch: Branch | None = None

    @classmethod
    def with_options(cls, options: PoolOptions) -> SessionPool:
        """A pool with options that neither config nor environment have a say in any more."""
        pool = cls.__new__(cls)
        pool._begin(options, None, {})  # noqa: SLF001 - one of this class
        return pool

    def __repr__(self) -> str:
        branch = self._here() or self._branch
        if branch is None or not branch.is_open:
            return f"SessionPool({self.options.name}, not open)"
        return f"SessionPool({branch.stats()})"

    @property
    def name(self) -> str:
        """The attribute of a context that sessions are put on."""
        return self.options.name

    @asynccontextmanager
    async def session_context(self, context: Any) -> AsyncIterator[AcurlSessionWrapper]:
        """Put a session on the context, and take it off at the end of the block."""
        session = self.checkout(context)
        with lent(session, context, self.name):
            await session.ready()
            yield session

    def checkout(self, context: Any) -> AcurlSessionWrapper:
        """A new session whose requests are told to ``context``; to be closed by the caller."""
        loop = asyncio.get_running_loop()
        branch = self._branch
        if branch is None or branch.loop is not loop or branch.first is None:
            branch = self._open(loop, context)
        return AcurlSessionWrapper(branch.first.twin(), context, self, branch)  # type: ignore[union-attr]

    def close(self) -> None:
        """Close the engine of the running loop, with all its connections; harmless twice."""
        branch = self._here()
        if branch is not None:
            loops.of(branch.loop).close(branch)

    def stats(self) -> PoolStats:
        """A snapshot of what the pool does on the running loop, else on the one it was used on."""
        branch = self._here() or self._branch
        if branch is not None:
            return branch.stats()
        options = self.options
        return PoolStats(
            options.name,
            max_connects=options.max_connects,
            max_connections=options.max_connections,
            max_host_connections=options.max_host_connections,
        )

    def resize(self, **limits: Unpack[LimitOptions]) -> None:
        """Change limits at once; no request is dropped. Later engines of the pool have them, too.

        ``max_connects``, ``max_connections``, ``max_host_connections``, ``max_host_keepalive``,
        ``min_connects``, ``max_streams``, ``keepalive_expiry``.  Raises acurl.RequestError for a
        bad value or another option, acurl.EngineMisuse away from the loop that uses the pool;
        nothing changes then.
        """
        changed = self.options.resized(**limits)
        branch = self._here()
        if branch is None and self._branch is not None and self._branch.is_open:
            raise acurl.EngineMisuse(
                "resize: this pool is in use on another event loop: call it there"
            )
        if branch is not None and branch.wrapper is not None:
            # First of all, since a closed engine or another thread's refuses.
            branch.wrapper.resize(**changed.limits())
        before, self.options = self.options.limits(), changed
        self._changes |= {name: v for name, v in changed.limits().items() if v != before[name]}
        if branch is not None and branch.wrapper is not None and branch.singly:
            branch.wrapper.resize(**branch.limits())

    async def prewarm(
        self,
        targets: str | Iterable[str] | Mapping[str, int],
        connections: int = 1,
        method: str = "HEAD",
    ) -> tuple[PrewarmReport, ...]:
        """Open connections by requests that answer little, so that later ones are spared it.

        ``targets`` are hosts (taken as ``https://``) or URLs, or a dict of them to how many
        connections each, else ``connections``.  One report per URL says what became of it; no
        failure raises.  The requests are in nobody's figures.  Connections beyond
        ``max_connects`` are not kept, and with ``connections`` "session" or "request" none is.
        Over HTTP/2, while it runs with more than one connection, a connection takes one request.
        """
        wanted = checked_targets(targets, connections)
        return await prewarm(self._opened(), wanted, method)

    async def check(self, url: str) -> CheckResult:
        """One real request over a connection of its own: what answered, how fast, which TLS."""
        return await check_url(self._opened(), target_url(url, "url"))

    @property
    def warmed(self) -> tuple[PrewarmReport, ...]:
        """What became of the option ``prewarm`` on the loop that last used the pool."""
        branch = self._here() or self._branch
        return () if branch is None else branch.warmed

    def _here(self) -> Branch | None:
        """The branch on the running loop, if there is one."""
        here = loops.running()
        return None if here is None else here.branches.get(self)

    def _opened(self) -> Branch:
        """The branch on the running loop, open but of no run as yet."""
        branch = self._here()
        if branch is None or not branch.is_open:
            branch = self._open(asyncio.get_running_loop(), None)
        return branch

    def _open(self, loop: asyncio.AbstractEventLoop, context: Any) -> Branch:
        """See that the branch on ``loop`` has an engine, which ends with the context's run."""
        branch = self._branch_on(loop)
        if not branch.is_open:
            if self._given is not None:
                found = settings.known_config(getattr(context, "config", None))
                config = settings.from_config(found)
                self.options = settings.resolve(self._given, self._environment, config)
                self.options = self.options.resized(**self._changes)
            branch.open()
            branch.pulse = Pulse(branch)
            if self.options.prewarm:
                branch.warming = loop.create_task(warm_up(branch))
        if context is not None:
            self._attend(branch, context)
            self._branch = branch
        return branch

    def _branch_on(self, loop: asyncio.AbstractEventLoop) -> Branch:
        from mite_http.registry import SharedPoolRegistry  # noqa: PLC0415 - which imports this

        return SharedPoolRegistry.attend(self, loop)

    def _attend(self, branch: Branch, context: Any) -> None:
        """Close the engine with the first run that uses it, and tell that run of it."""
        pulse = branch.pulse
        at_run_end = getattr(context, "at_run_end", None)
        if pulse is None or pulse.is_told or at_run_end is None:
            return
        here = loops.of(branch.loop)
        if at_run_end(lambda: here.close(branch)):
            pulse.tell(context)

    def leave(self, branch: Branch) -> None:
        """Forget a branch whose loop is closed, or another process's."""
        if self._branch is branch:
            self._branch = None
