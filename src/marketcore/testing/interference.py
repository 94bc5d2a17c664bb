"""A bad network: a proxy before the live process that loses and repeats frames, falls silent and breaks off."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

Frame = dict[str, Any]


class Interference:
    """Passes the frames of every connection on to the live process at ``target``.

    ``copies`` is asked about each frame of the live process and says how often it arrives: 0 is a lost frame. With
    ``refusal``, every new connection is closed with that code. ``connections`` counts them, ``sent`` keeps what
    clients sent.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.copies: Callable[[Frame], int] = lambda _frame: 1
        self.refusal: int | None = None
        self.connections = 0
        self.sent: list[Frame] = []
        self._open: set[ServerConnection] = set()
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self._server = serve(self._carry, "127.0.0.1", 0, compression=None, ping_interval=None, close_timeout=1)
        self._thread = threading.Thread(target=self._server.serve_forever, name="interference", daemon=True)
        self._thread.start()
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        return self

    def __exit__(self, *_exception: object) -> None:
        assert self._server is not None
        self.cut()
        self._server.shutdown()
        self._thread.join(10)

    def cut(self, code: int | None = None) -> None:
        """Break every connection off without a word, or close it with ``code``."""
        for client in list(self._open):
            if code is None:
                with suppress(OSError):
                    client.socket.shutdown(2)
            else:
                client.close(code)

    def _carry(self, client: ServerConnection) -> None:
        self.connections += 1
        if self.refusal is not None:
            client.close(self.refusal)
            return
        self._open.add(client)
        try:
            with (
                suppress(WebSocketException, OSError),
                connect(self.target, compression=None, proxy=None, ping_interval=None, close_timeout=1) as upstream,
            ):
                back = threading.Thread(target=self._bring_back, args=(upstream, client), daemon=True)
                back.start()
                for message in client:
                    self.sent.append(json.loads(message))
                    upstream.send(message)
        finally:
            self._open.discard(client)

    def _bring_back(self, upstream: Any, client: ServerConnection) -> None:
        with suppress(WebSocketException, OSError):
            for message in upstream:
                for _ in range(self.copies(json.loads(message))):
                    client.send(message)
        if upstream.close_code is not None and upstream.close_code != 1006:
            client.close(upstream.close_code, upstream.close_reason or "")
        else:
            with suppress(OSError):
                client.socket.shutdown(2)
