"""For tests of the marketplace's side: a simulator, a listening socket for callbacks, waiting with a deadline."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from marketcore_simulator.server import SimulatorServer

T = TypeVar("T")


class ReturningSimulator(SimulatorServer):
    """A simulator that listens where the one before it in this process did: a marketplace that knows one knows all."""

    _port = 0

    def __init__(self, seed: int | None = None) -> None:
        try:
            super().__init__(ReturningSimulator._port, seed=seed)
        except OSError:
            super().__init__(seed=seed)  # somebody else has taken the port
        ReturningSimulator._port = self._server.server_port


@dataclass(frozen=True)
class ReceivedCall:
    """One POST that arrived; header names are lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class CallbackReceiver:
    """Listen on a loopback port and keep what is posted: `with CallbackReceiver() as receiver: receiver.url`.

    Every call is answered with `status` and `answer`.
    """

    def __init__(self, status: int = 200) -> None:
        self.calls: list[ReceivedCall] = []
        self.status = status
        self.answer = b'{"ResultCode":0,"ResultDesc":"Accepted"}'
        self._server = _Listener(("127.0.0.1", 0), _Recorder)
        self._server.receiver = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="callbacks", daemon=True)

    @property
    def url(self) -> str:
        """The address to be called back at."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/pay/cb/0a1b2c"

    def __enter__(self) -> "CallbackReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def eventually(read: Callable[[], T], within: float = 10) -> T:
    """Return the first truthy value of `read()`; raise AssertionError after `within` seconds."""
    deadline = time.monotonic() + within
    while not (value := read()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {within} seconds")
        time.sleep(0.01)
    return value


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    receiver: CallbackReceiver


class _Recorder(BaseHTTPRequestHandler):
    server: _Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver = self.server.receiver
        receiver.calls.append(ReceivedCall(self.path, headers, body))
        answer = receiver.answer
        self.send_response(receiver.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""
