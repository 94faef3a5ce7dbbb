"""HTTP/1.1 on whatever a test says, on the test's own loop: an address, a Unix socket, TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any


class Local:
    """A server that answers each request with its own name; `heads` and `peers` say who asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.heads: list[str] = []
        self.peers: list[Any] = []
        """One for each connection: the client's address, and whether TLS was resumed."""
        self.resumed: list[bool] = []
        self.ciphers: list[tuple[str, str]] = []
        """Name and TLS version of what was negotiated."""
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Local {self.name} port={self.port} connections={len(self.peers)}>"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        task = asyncio.current_task()
        assert task
        self._tasks.append(task)
        self._writers.append(writer)
        self.peers.append(writer.get_extra_info("peername"))
        secure = writer.get_extra_info("ssl_object")
        if secure is not None:
            self.resumed.append(secure.session_reused)
            self.ciphers.append(secure.cipher()[:2])
        body = self.name.encode()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def end(self) -> None:
        """Close all connections and wait until nobody serves them."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks)


@asynccontextmanager
async def serving(
    where: str | Path = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Local]:
    """A Local on an address (port 0: any) or, given a Path, on a Unix socket."""
    local = Local(str(where))
    if isinstance(where, Path):
        server = await asyncio.start_unix_server(local.serve, where, ssl=tls)
    else:
        server = await asyncio.start_server(local.serve, where, port, ssl=tls)
        local.port = server.sockets[0].getsockname()[1]
    try:
        yield local
    finally:
        server.close()
        await local.end()
