"""What sellers are told of their streams, by the channels they chose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.notifications.services import NotificationService
from marketcore_livestream.events import StreamEnded

_TITLE = text("SELECT title FROM livestream_streams WHERE id = :id")


def tell_seller(request: Any, event: StreamEnded) -> None:
    """Tell the seller of an end that was not theirs."""
    if event.reason == "seller":
        return
    title = request.db.execute(_TITLE, {"id": event.stream_id}).scalar_one()
    data = {"stream_id": event.stream_id, "title": title, "reason": event.reason}
    request.find_service(NotificationService).notify(event.seller_id, "livestream.ended", data)


def includeme(config: Any) -> None:
    """Add the type and what tells it."""
    config.add_notification_type(
        "livestream.ended", title="Your stream was ended", templates="marketcore_livestream:templates"
    )
    config.add_event_subscriber(tell_seller, StreamEnded)
