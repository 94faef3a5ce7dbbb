"""A server that says when a request reached it: `python -m bench.pools.stamper`.

It spins on one connection's socket, reads the monotonic clock as soon as bytes are there, and
answers with that reading in nanoseconds. It prints its port, and ends with standard input's end.
"""

import os
import socket
import sys
import threading
import time


def spin(connection: socket.socket) -> None:
    """Stamps the requests of one connection until the other side closes it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    while True:
        try:
            got = connection.recv(65536)
        except BlockingIOError:
            continue
        now = time.monotonic_ns()
        if not got:
            return
        body = b"%d" % now
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def main() -> None:
    """Serves one connection after the other."""
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            spin(connection)


if __name__ == "__main__":
    main()
