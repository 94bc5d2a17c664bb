"""``live.*``: the live process and what it refuses."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.settings import Words


def _number(missing: int, low: int, high: int, description: str) -> Any:
    return colander.SchemaNode(
        colander.Integer(), missing=missing, validator=colander.Range(low, high), description=description
    )


def _seconds(missing: float, description: str) -> Any:
    return colander.SchemaNode(
        colander.Float(), missing=missing, validator=colander.Range(0.05, 3600), description=description
    )


class LiveSettings(colander.MappingSchema):
    """What the live process listens on, and its limits per socket, user and address."""

    host = colander.SchemaNode(colander.String(), missing="127.0.0.1")
    port = _number(8001, 0, 65535, "port of the live process")
    origins = colander.SchemaNode(
        Words(),
        missing=(),
        description="origins whose pages may open sockets, such as https://shop.example; "
        "empty: the origin of marketcore.public_url. Clients that are no browsers send none and may",
    )
    trusted_proxy = colander.SchemaNode(
        colander.String(), missing="", description="address of the reverse proxy whose X-Forwarded-For is believed"
    )
    threads = _number(8, 1, 64, "threads that ask the database and decide rights")
    max_size = _number(16 * 1024, 128, 1024 * 1024, "bytes of a client's frame")
    messages_per_second = _number(20, 1, 1000, "frames of one socket")
    sockets_per_user = _number(10, 1, 10_000, "open sockets of one user")
    sockets_per_ip = _number(50, 1, 100_000, "open sockets of one address")
    commands_per_socket = _number(100, 1, 100_000, "queued commands of one socket that wait for their answers")
    channels_per_socket = _number(100, 1, 10_000, "channels of one socket")
    queue_events = _number(256, 1, 100_000, "frames that may wait for a slow reader")
    queue_bytes = _number(1024 * 1024, 1024, 2**30, "bytes that may wait for a slow reader")
    stuck_seconds = _seconds(10, "how long a reader may take nothing at all")
    auth_seconds = _seconds(5, "time for the handshake, and for the first frame after it")
    poll_seconds = _seconds(5, "how often lost hints and ended sessions are looked for")
    recheck_seconds = _seconds(60, "how often every right is decided again")
    history_hours = _number(24, 1, 8760, "age of the oldest event that a returning client can get")
