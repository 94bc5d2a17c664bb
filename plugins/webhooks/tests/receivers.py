"""Receivers of messages: real HTTP servers, of which each path misbehaves in a way of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def eventually(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Return what ``condition`` returns once it is true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "still not true"
        time.sleep(0.02)
    return result


class Server(ThreadingHTTPServer):
    """A server that many may call at the same moment, and that waits for nobody when it is closed."""

    request_queue_size = 256
    daemon_threads = True


class Receiver:
    """Answers ``/status/CODE`` with that status, ``/hang`` once it is released, ``/drip`` for ever; notes what came."""

    def __init__(self, tls=None):
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.headers: dict[str, str] = {}
        self.most_at_once: dict[str, int] = {}
        self._at_once: dict[str, int] = {}
        self._lock = threading.Lock()
        self.released = threading.Event()
        self.server = Server(("127.0.0.1", 0), self._handler())
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)

    def paths(self):
        with self._lock:
            return [path for path, _headers, _body in self.received]

    def ids(self):
        with self._lock:
            return [headers["webhook-id"] for _path, headers, _body in self.received]

    def _begin(self, path, headers, body):
        with self._lock:
            self.received.append((path, headers, body))
            self._at_once[path] = self._at_once.get(path, 0) + 1
            self.most_at_once[path] = max(self.most_at_once.get(path, 0), self._at_once[path])

    def _end(self, path):
        with self._lock:
            self._at_once[path] -= 1

    def _handler(receiver):  # noqa: N805 - the handler's methods have a self of their own
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver._begin(self.path, headers, body)
                try:
                    self.answer(self.path.strip("/").split("/"))
                except OSError:
                    return  # the sender has hung up
                finally:
                    receiver._end(self.path)

            def answer(self, words):
                if words[0] == "hang":
                    receiver.released.wait(60)
                self.send_response(int(words[1]) if words[0] == "status" else 200)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                while words[0] == "drip" and not receiver.released.wait(0.05):
                    self.wfile.write(b".")
                if words[0] == "flood":
                    for _block in range(1000):
                        self.wfile.write(b"x" * 65_536)

            def log_message(self, *arguments):
                pass

        return Handler
