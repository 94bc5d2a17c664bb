"""WebSockets for load: raw sockets whose frames are read with as little work as possible (RFC 6455, section 5).

Text frames are sent with a mask of zeros, which leaves the text as it is; servers send theirs unmasked and, as
everybody here disables compression, one frame per message.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator, Mapping

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


class Closed(Exception):
    """The server has closed the socket."""


class RawSocket:
    """One WebSocket to 127.0.0.1."""

    __slots__ = ("_buffer", "slot", "socket")

    def __init__(self, port: int, path: str, headers: Mapping[str, str] | None = None, slot: int = 0) -> None:
        self.slot = slot
        self._buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._shake_hands(port, path, headers or {})

    def fileno(self) -> int:
        """Return the descriptor, for polls."""
        return self.socket.fileno()

    def _shake_hands(self, port: int, path: str, headers: Mapping[str, str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        given = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade"}
        given |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", **headers}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = self.socket.recv(65_536)
            if not piece:
                raise Closed(f"the handshake was answered with {answer!r}")
            answer += piece
        head, _end, self._buffer = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise Closed(f"the handshake was answered with {answer[:600]!r}")

    def send(self, text: bytes) -> None:
        """Send a text frame of fewer than 65,536 bytes."""
        self.socket.sendall(_head(_TEXT, len(text)) + text)

    def texts(self) -> Iterator[bytes]:
        """Yield the texts that have arrived; waits only if nothing has. ``Closed`` if the server has gone."""
        piece = self.socket.recv(65_536)
        if not piece:
            raise Closed("the server has closed the connection")
        buffer = self._buffer + piece if self._buffer else piece
        position, size = 0, len(buffer)
        while (frame := _frame(buffer, position, size)) is not None:
            kind, start, position = frame
            if kind == _TEXT:
                yield buffer[start:position]
            else:
                self._answer(kind, buffer[start:position])
        self._buffer = buffer[position:]

    def count(self) -> int:
        """Return how many texts have arrived, without looking at them; waits only if nothing has."""
        piece = self.socket.recv(65_536)
        if not piece:
            raise Closed("the server has closed the connection")
        buffer = self._buffer + piece if self._buffer else piece
        position, size, found = 0, len(buffer), 0
        while (frame := _frame(buffer, position, size)) is not None:
            kind, start, position = frame
            if kind == _TEXT:
                found += 1
            else:
                self._answer(kind, buffer[start:position])
        self._buffer = buffer[position:]
        return found

    def waiting(self) -> list[bytes]:
        """Return texts that came along with the answer to the handshake, without waiting."""
        if not self._buffer:
            return []
        found, position = [], 0
        while (frame := _frame(self._buffer, position, len(self._buffer))) is not None:
            _kind, start, position = frame
            found.append(self._buffer[start:position])
        self._buffer = self._buffer[position:]
        return found

    def close(self) -> None:
        """Say that this ends (1000) and close."""
        try:
            self.socket.sendall(_head(_CLOSE, 2) + b"\x03\xe8")
        except OSError:
            return
        finally:
            self.socket.close()

    def _answer(self, kind: int, payload: bytes) -> None:
        if kind == _PING:
            self.socket.sendall(_head(_PONG, len(payload)) + payload)
        elif kind == _CLOSE:
            raise Closed(f"the server closed the socket with {payload!r}")


def _frame(buffer: bytes, position: int, size: int) -> tuple[int, int, int] | None:
    """Return kind, start and end of the frame at ``position``, or ``None`` while it is not all there."""
    if size - position < 2:
        return None
    length, start = buffer[position + 1], position + 2
    if length == 126:
        start = position + 4
        length = int.from_bytes(buffer[position + 2 : start])
    elif length == 127:
        start = position + 10
        length = int.from_bytes(buffer[position + 2 : start])
    end = start + length
    return (buffer[position], start, end) if end <= size else None


def _head(kind: int, length: int) -> bytes:
    if length < 126:
        return bytes((kind, 0x80 | length, 0, 0, 0, 0))
    return bytes((kind, 0xFE)) + length.to_bytes(2) + bytes(4)


def first_text(one: RawSocket) -> bytes:
    """Wait for the next text."""
    for text in one.waiting():
        return text
    while True:
        for text in one.texts():
            return text
