"""A network cable that a test can pull: connections through it break, new ones are refused until it is mended."""

from __future__ import annotations

import contextlib
import socket
import threading


class Cable:
    """Forwards ``127.0.0.1:port`` to ``(host, far_port)``."""

    def __init__(self, host: str, far_port: int) -> None:
        self._far = (host, far_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._whole = True
        self._start(self._accept)

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._whole = False
        with self._lock:
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def close(self) -> None:
        """Break everything for good."""
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target, *arguments) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        if not self._whole:
            near.close()
            return
        far = socket.create_connection(self._far)
        with self._lock:
            self._open |= {near, far}
        done = threading.Barrier(2)
        self._start(self._pump, near, far, done)
        self._start(self._pump, far, near, done)

    def _pump(self, source: socket.socket, sink: socket.socket, done: threading.Barrier) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # Both directions have ended before either socket is given back.
        done.wait(10)
        with self._lock:
            self._open.discard(source)
        source.close()
