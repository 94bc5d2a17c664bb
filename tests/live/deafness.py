"""A raw client that subscribes and then reads nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HANDSHAKE = (
    b"GET /ws/public/1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Deaf:
    """Somebody who has subscribed and does not listen."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def close_code(self) -> int | None:
        """Read what is left and return the code of the closing frame at the end.

        ``None`` if it was cut off without one, as whoever is silent for long enough is; ``TimeoutError`` if neither.
        """
        data = b""
        with suppress(ConnectionError):
            data = read_all(self._connection)
        _before, closing, code = data[-200:].rpartition(b"\x88")
        return int.from_bytes(code[1:3], "big") if closing else None


def read_all(connection: socket.socket) -> bytes:
    """Return everything until the other side is done."""
    data = bytearray()
    while chunk := connection.recv(65_536):
        data += chunk
    return bytes(data)


@contextmanager
def deaf_client(port: int) -> Iterator[Deaf]:
    """Connect, wait until ``public:1`` is subscribed to, and read nothing more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    with connection:
        connection.connect(("127.0.0.1", port))
        connection.sendall(HANDSHAKE)
        heard = b""
        while b'"subscribed"' not in heard:
            heard += connection.recv(1024)
        yield Deaf(connection)
