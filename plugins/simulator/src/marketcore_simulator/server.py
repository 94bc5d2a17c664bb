"""Serve the simulator on a real loopback socket."""

import contextlib
import socketserver
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from marketcore_simulator.app import Simulator
from marketcore_simulator.courier import is_loopback
from marketcore_simulator.world import World

#: How often the serving thread looks whether to stop.
_POLL_SECONDS = 0.02


class SimulatorServer:
    """Run a simulator in a thread: `with SimulatorServer(seed=1) as simulator: simulator.url`.

    `port` 0 picks a free one. `seed` makes identifiers repeatable; None makes every run differ.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1", seed: int | None = None) -> None:
        if not is_loopback(host):
            raise ValueError(f"host {host!r} is not a loopback address; the simulator takes no calls from outside")
        self.world = World(seed)
        self.app = Simulator(self.world)
        self._server = _Server((host, port), _Handler)
        self._server.set_app(self.app)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="simulator", daemon=True
        )

    @property
    def url(self) -> str:
        """The address of the pages and the control calls, without a trailing slash."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def daraja_url(self) -> str:
        """The base URL to give a Daraja client."""
        return f"{self.url}/daraja"

    @property
    def razorpay_url(self) -> str:
        """The base URL to give a Razorpay client, without /v1."""
        return f"{self.url}/razorpay"

    @property
    def stripe_url(self) -> str:
        """The base address to give a Stripe client, without a trailing slash."""
        return f"{self.url}/stripe"

    def start(self) -> "SimulatorServer":
        """Begin to answer; the socket is bound already."""
        self.world.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        self.world.stop()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def run(self) -> None:
        """Answer in the calling thread until it is interrupted."""
        self.world.start()
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self._server.serve_forever()
        finally:
            self.world.stop()
            self._server.server_close()

    def __enter__(self) -> "SimulatorServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(host: str = "127.0.0.1", port: int = 8009, seed: int | None = None) -> None:
    """Run the simulator in this process until it is interrupted."""
    SimulatorServer(port, host, seed).run()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread per connection. A connection ends with its answer, so dropping one is ending it early."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # HTTPServer.server_bind looks the host's name up in DNS, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    """wsgiref ends the connection unanswered when the application raises ConnectionAbortedError."""

    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: the simulator keeps its own log."""
