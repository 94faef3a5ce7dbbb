"""The running target: both ports, their certificate, the ready file; all of it gone at the end."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mite.demo.app import make_app
from mite.demo.certificate import Certificate, issue
from mite.demo.errors import TargetError
from mite.demo.ready import Ready
from mite.demo.server import Service, reserve
from mite.demo.shop import Shop
from mite.demo.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mite.demo.options import TargetOptions

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve(options: TargetOptions) -> None:
    """Serve until SIGINT or SIGTERM; a TargetError if that cannot be done as asked."""
    _take_all_descriptors()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    with ExitStack() as stack:
        claims = [
            stack.enter_context(reserve(options.address, options.port, "--port")),
            stack.enter_context(reserve(options.address, options.tls_port, "--tls-port")),
        ]
        port, tls_port = (claim.getsockname()[1] for claim in claims)
        certificate = stack.enter_context(_certificate(options))
        app = make_app(Shop(), Traffic(), stopped)
        services = [
            Service(app, options.address, port),
            Service(app, options.address, tls_port, certificate),
        ]
        try:
            await asyncio.gather(*(service.start() for service in services))
            ready = Ready(
                _url("http", options.host, port),
                _url("https", options.host, tls_port),
                str(certificate.ca),
                os.getpid(),
            )
            stack.enter_context(_announced(ready, options.ready_file))
            await stopped.wait()
        finally:
            await asyncio.gather(*(service.stop() for service in services))


def _take_all_descriptors() -> None:
    # The usual soft limit of 1,024 would end a thousand connections early.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextmanager
def _certificate(options: TargetOptions) -> Iterator[Certificate]:
    names = list(dict.fromkeys(["localhost", "127.0.0.1", "::1", options.host, options.address]))
    with ExitStack() as stack:
        directory = options.cert_dir or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="mite-demo-"))
        )
        try:
            certificate = issue(directory.resolve(), names)
        except OSError as error:
            advice = "choose another --cert-dir"
            raise TargetError(
                f"cannot write {error.filename or directory}: {error.strerror}; {advice}"
            ) from error
        yield certificate


@contextmanager
def _announced(ready: Ready, path: Path | None) -> Iterator[None]:
    print(ready.words(), flush=True)
    if path is None:
        yield
        return
    try:
        ready.write(path)
    except OSError as error:
        reason = f"which cannot be written: {error.strerror}"
        raise TargetError(f"--ready-file is {str(path)!r}, {reason}") from error
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
