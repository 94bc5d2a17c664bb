"""One POST over a socket of our own: to an address that was checked, within one time limit, without redirects.

A general HTTP client looks names up itself, after any check; here the socket goes to the address that was judged,
while TLS and the Host header still speak of the name.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from marketcore_webhooks.destinations import Destinations, Refused
from marketcore_webhooks.rules.addresses import Target
from marketcore_webhooks.rules.schedule import Answer

LARGEST_ANSWER = 65_536
Connect = Callable[[str, int, float], socket.socket]


class Deadline:
    """The end of one try; ``left`` are the seconds until then."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return what is left, always more than nothing; ``TimeoutError`` once it is over."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class Incoming(io.RawIOBase):
    """The bytes of an answer, until the deadline and at most ``LARGEST_ANSWER`` of them."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock, self._deadline, self._rest = sock, deadline, LARGEST_ANSWER

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come, or wait for it; 0 is the end."""
        view = memoryview(buffer)[: self._rest]
        if not view:
            return 0
        self._sock.settimeout(self._deadline.left())
        count = self._sock.recv_into(view)
        self._rest -= count
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the reader that ``http.client`` asks a socket for."""
        return io.BufferedReader(self)


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """Return a connection to an IP address; nothing is looked up."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


class Poster:
    """Posts messages. ``connect`` may be replaced, as tests do to see every connection."""

    def __init__(
        self, destinations: Destinations, *, timeout: float, tls: ssl.SSLContext, connect: Connect = connect
    ) -> None:
        self._destinations = destinations
        self._timeout = timeout
        self._tls = tls
        self.connect = connect

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return what posting ``body`` to ``url`` has brought; failures are answers too and never raised."""
        try:
            return self._post(url, headers, body)
        except Refused as refusal:
            return Answer(None, f"the URL {refusal}")
        except TimeoutError:
            return Answer(None, f"no complete answer within {self._timeout:g} s")
        except ssl.SSLError as error:
            return Answer(None, f"no TLS: {getattr(error, 'verify_message', '') or error.reason or 'connection lost'}")
        except OSError as error:
            return Answer(None, f"no connection: {error.strerror or type(error).__name__}")
        except (http.client.HTTPException, ValueError) as error:
            return Answer(None, f"no HTTP: {type(error).__name__}")

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        deadline = Deadline(self._timeout)
        target, addresses = self._destinations.locate(url, deadline.left())
        with self._connected(addresses, target, deadline) as plain, self._secured(plain, target, deadline) as sock:
            _send(sock, request_bytes(target, headers, body), deadline)
            return _read(sock, deadline)

    def _connected(self, addresses: list[str], target: Target, deadline: Deadline) -> socket.socket:
        for waiting in range(len(addresses), 1, -1):
            with suppress(OSError):
                return self.connect(addresses[-waiting], target.port, deadline.left() / waiting)
        return self.connect(addresses[-1], target.port, deadline.left())

    def _secured(self, plain: socket.socket, target: Target, deadline: Deadline) -> socket.socket:
        plain.settimeout(deadline.left())
        if target.scheme == "http":
            return plain
        return self._tls.wrap_socket(plain, server_hostname=target.host.strip("[]"))


def request_bytes(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the whole request; ``target`` and ``headers`` are of our own making and hold no line ends."""
    lines = {
        "Host": target.authority,
        "User-Agent": "marketcore-webhooks/1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _send(sock: socket.socket, data: bytes, deadline: Deadline) -> None:
    rest = memoryview(data)
    while rest:
        sock.settimeout(deadline.left())
        rest = rest[sock.send(rest) :]


def _read(sock: socket.socket, deadline: Deadline) -> Answer:
    incoming = Incoming(sock, deadline)
    response = http.client.HTTPResponse(incoming, method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        _read_to_the_end(response)
        error = "redirects are not followed" if 300 <= response.status < 400 else ""
        return Answer(response.status, error, (response.getheader("Retry-After") or "")[:100])
    finally:
        response.close()


def _read_to_the_end(response: http.client.HTTPResponse) -> None:
    # Only so that the receiver is not cut off; one that never ends its answer has not given one.
    try:
        response.read(LARGEST_ANSWER)
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException, ValueError):
        return
