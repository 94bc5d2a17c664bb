"""What happens to streams by the clock."""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.jobs.binding import outside_transaction
from marketcore.settings import section
from marketcore_livestream.metering import MeterService
from marketcore_livestream.services import StreamService

log = structlog.get_logger(__name__)
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


@outside_transaction
def meter_streams(registry: Any) -> None:
    """Charge live streams, one per transaction, and warn those whose credits run out; one that fails stops no other."""
    minutes = section(registry, "livestream")["credit_warning_minutes"]
    if minutes:
        perform(registry, _warn, minutes)
    failed: set[int] = set()
    while perform(registry, _meter_next, failed):
        pass


def _warn(request: Any, minutes: int) -> None:
    request.find_service(MeterService).warn(minutes)


def _meter_next(request: Any, failed: set[int]) -> bool:
    charged: bool = request.find_service(MeterService).meter_next(failed)
    return charged
