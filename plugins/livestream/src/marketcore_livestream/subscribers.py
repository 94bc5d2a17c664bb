"""What streams do when accounts are blocked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import UserBlocked
from marketcore_livestream.services import StreamService

_LIVE = text("SELECT id FROM livestream_streams WHERE seller_id = :seller AND state = 'live'")


def end_of_blocked(request: Any, event: UserBlocked) -> None:
    """End the live stream of a seller who may no longer trade."""
    if not event.blocked:
        return
    for stream_id in request.db.execute(_LIVE, {"seller": event.user_id}).scalars().all():
        request.find_service(StreamService).end(stream_id, "blocked")
