"""The live process: sockets, and the streams they listen to. Only ``sockets`` knows the WebSocket library."""

from __future__ import annotations

from typing import Any


def serve(registry: Any) -> None:
    """Run the live process until SIGTERM or SIGINT; raise if one of its tasks dies."""
    from marketcore.live.gateway.server import run

    run(registry)
