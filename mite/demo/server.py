"""Ports that answer: plain HTTP/1.1, or TLS with HTTP/2 and HTTP/1.1."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from mite.demo.errors import TargetError

if TYPE_CHECKING:
    from starlette.routing import Router

    from mite.demo.certificate import Certificate

ANSWER_WITHIN = 10.0
STOP_WITHIN = 1.0
RETRY_AFTER = 0.01


def reserve(address: str, port: int, option: str) -> socket.socket:
    """A bound, never listening socket that keeps a port ours.

    Granian insists on opening its own; this one finds a free port, and refuses a busy one.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    claim = socket.socket(family, socket.SOCK_STREAM)
    try:
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        claim.bind((address, port))
        claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        claim.close()
        reason = error.strerror or str(error)
        advice = f"choose another {option}, or 0 for any free one"
        raise TargetError(f"cannot serve on {address} port {port}: {reason}; {advice}") from error
    return claim


class Service:
    """One listening port."""

    def __init__(
        self, app: Router, address: str, port: int, certificate: Certificate | None = None
    ) -> None:
        self._address = address
        self._port = port
        self._ca = certificate.ca if certificate else None
        self._server = Server(
            app,
            address=address,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto if certificate else HTTPModes.http1,
            websockets=False,
            backlog=4096,
            backpressure=4096,
            http1_settings=HTTP1Settings(),
            http2_settings=HTTP2Settings(max_concurrent_streams=250),
            log_enabled=False,
            ssl_cert=certificate.chain if certificate else None,
            ssl_key=certificate.key if certificate else None,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve; returns once a request was answered."""
        self._task = asyncio.create_task(self._server.serve())
        async with asyncio.timeout(ANSWER_WITHIN):
            while not await self._answers():
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(RETRY_AFTER)

    async def stop(self) -> None:
        """Serve no longer; requests still running after a second are dropped."""
        if self._task is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait([self._task], timeout=STOP_WITHIN)

    async def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=self._ca) if self._ca else None
        try:
            reader, writer = await asyncio.open_connection(self._address, self._port, ssl=context)
        except OSError:
            return False
        try:
            writer.write(b"HEAD /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
        finally:
            writer.close()
