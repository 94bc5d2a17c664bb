"""What bidders and watchers are told of auctions, by the channels they chose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.notifications.services import NotificationService
from marketcore_auctions.events import AuctionEnding, AuctionWon, Outbid
from marketcore_auctions.telling import interested

_TITLE = text("SELECT title FROM auctions_auctions WHERE listing_id = :id")


def tell_winner(request: Any, event: AuctionWon) -> None:
    """Tell somebody that the lot is theirs, or offered to them after others did not pay."""
    due = f"{event.due_at:%Y-%m-%d %H:%M} UTC"
    data = {**_about(request, event), "order_id": event.order_id, "due": due, "round": event.round}
    request.find_service(NotificationService).notify(event.user_id, "auction.won", data)


def tell_outbid(request: Any, event: Outbid) -> None:
    """Tell somebody that they do not lead any more; several times are one notification and one letter."""
    notify = request.find_service(NotificationService).notify
    notify(event.user_id, "auction.outbid", _about(request, event), key=_key(event))


def tell_ending(request: Any, event: AuctionEnding) -> None:
    """Tell everybody who watches or bids that the end is near."""
    told = interested(request.db, event.auction_id)
    notify_all = request.find_service(NotificationService).notify_all
    notify_all(told, "auction.ending_soon", _about(request, event), key=_key(event))


def _key(event: Outbid | AuctionEnding) -> str:
    return f"auction {event.auction_id}"


def _about(request: Any, event: AuctionWon | Outbid | AuctionEnding) -> dict[str, Any]:
    title = request.db.execute(_TITLE, {"id": event.auction_id}).scalar_one()
    return {"auction_id": event.auction_id, "title": title, "price": str(event.price)}


def includeme(config: Any) -> None:
    """Add the types and what tells them."""
    templates = "marketcore_auctions:templates"
    config.add_notification_type("auction.won", title="You have won an auction", templates=templates)
    config.add_notification_type("auction.outbid", title="You were outbid", templates=templates, digest=True)
    config.add_notification_type(
        "auction.ending_soon", title="An auction you watch ends soon", templates=templates, channels="in_app"
    )
    config.add_event_subscriber(tell_winner, AuctionWon)
    config.add_event_subscriber(tell_outbid, Outbid)
    config.add_event_subscriber(tell_ending, AuctionEnding)
