"""What happens to streams by the clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.jobs.binding import outside_transaction
from marketcore.settings import section
from marketcore_livestream.services import StreamService

_FORGOTTEN = text(
    """SELECT id FROM livestream_streams
       WHERE state = 'live' AND started_at <= market_clock() - make_interval(hours => :hours) ORDER BY id LIMIT 100"""
)


@outside_transaction
def end_forgotten(registry: Any) -> None:
    """End streams whose sellers have forgotten them, one per transaction."""
    for stream_id in perform(registry, _forgotten):
        perform(registry, _end, stream_id)


def _forgotten(request: Any) -> list[int]:
    hours = section(request.registry, "livestream")["longest_hours"]
    return list(request.db.execute(_FORGOTTEN, {"hours": hours}).scalars())


def _end(request: Any, stream_id: int) -> None:
    request.find_service(StreamService).end(stream_id, "forgotten")
