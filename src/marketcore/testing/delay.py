"""A database at a distance: a TCP proxy that lets everything wait, so that races become wide."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from sqlalchemy import make_url

_CHUNK = 65_536


class DelayProxy:
    """Forwards connections to ``(host, port)`` and holds every piece towards it back for ``seconds``."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._target = (host, port)
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.connections = 0

    @property
    def port(self) -> int:
        """Where it listens, on the loopback interface."""
        port: int = self._listener.getsockname()[1]
        return port

    def url(self, database_url: str) -> str:
        """Return ``database_url`` by way of this proxy."""
        return make_url(database_url).set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)

    def __enter__(self) -> DelayProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # Closing alone would not wake whoever waits in accept or recv.
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for end in (self._listener, *self._open):
            end.close()

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                far = socket.create_connection(self._target)
                for end in (near, far):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open |= {near, far}
                self.connections += 1
                self._start(self._pass_on, near, far, self._seconds)
                self._start(self._pass_on, far, near, 0)

    def _pass_on(self, source: socket.socket, sink: socket.socket, seconds: float) -> None:
        with suppress(OSError):
            while piece := source.recv(_CHUNK):
                time.sleep(seconds)
                sink.sendall(piece)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def distant(database_url: str, seconds: float) -> DelayProxy:
    """Return a proxy in front of the server of ``database_url`` whose every question takes ``seconds`` longer."""
    url = make_url(database_url)
    return DelayProxy(url.host or "127.0.0.1", url.port or 5432, seconds)


__all__ = ["DelayProxy", "distant"]
