"""Forgetting what no returning client may ask for any more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.live.tickets import TicketService
from marketcore.settings import section

_FORGET = text(
    """
    DELETE FROM live_events WHERE (channel, "offset") IN (
        SELECT channel, "offset" FROM live_events
        WHERE at < market_clock() - make_interval(hours => :hours) ORDER BY at LIMIT 10000
    )
    """
)


def forget_history(request: Any) -> None:
    """Delete events older than ``live.history_hours`` and expired tickets; positions stay."""
    hours = section(request.registry, "live")["history_hours"]
    request.db.execute(_FORGET, {"hours": hours})
    request.find_service(TicketService).forget_expired()
