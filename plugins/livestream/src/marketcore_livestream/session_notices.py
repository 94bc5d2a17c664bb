"""What winners and sellers are told of sessions and credits, by the channels they chose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.notifications.services import NotificationService
from marketcore_livestream.events import CreditsRunLow, SessionWon

_TITLE = text("SELECT title FROM livestream_streams WHERE id = :id")


def tell_winner(request: Any, event: SessionWon) -> None:
    """Tell somebody that what they have won is in their cart."""
    data = {
        "stream_id": event.stream_id,
        "session_id": event.session_id,
        "title": event.title,
        "price": str(event.price),
        "due": f"{event.due_at:%Y-%m-%d %H:%M} UTC",
    }
    request.find_service(NotificationService).notify(event.user_id, "livestream.won", data)


def tell_running_low(request: Any, event: CreditsRunLow) -> None:
    """Tell a seller that the stream ends for want of a credit."""
    title = request.db.execute(_TITLE, {"id": event.stream_id}).scalar_one()
    data = {"stream_id": event.stream_id, "title": title, "ends": f"{event.ends_at:%H:%M} UTC"}
    request.find_service(NotificationService).notify(event.seller_id, "livestream.credits_low", data)
