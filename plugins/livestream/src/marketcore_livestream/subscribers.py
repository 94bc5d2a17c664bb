"""What streams do when accounts are blocked or verified, when they begin and end, and when an auction ends."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import SellerVerified, UserBlocked
from marketcore.settings import section
from marketcore_auctions.events import AuctionClosed, LotHeld
from marketcore_livestream.credits import CreditService
from marketcore_livestream.events import StreamEnded, StreamStarted
from marketcore_livestream.metering import MeterService
from marketcore_livestream.services import StreamService
from marketcore_livestream.sessions import SessionService

# Where the seller's word does not count any more, nobody has to keep theirs.
CALLED_OFF = frozenset({"admin", "blocked"})

_LIVE = text("SELECT id FROM livestream_streams WHERE seller_id = :seller AND state = 'live'")


def end_of_blocked(request: Any, event: UserBlocked) -> None:
    """End the live stream of a seller who may no longer trade."""
    if not event.blocked:
        return
    for stream_id in request.db.execute(_LIVE, {"seller": event.user_id}).scalars().all():
        request.find_service(StreamService).end(stream_id, "blocked")


def charge_start(request: Any, event: StreamStarted) -> None:
    """Take the first credit; without one the stream does not begin."""
    settings = section(request.registry, "livestream")
    if settings["credits"]:
        request.find_service(MeterService).begin(event.stream_id, event.seller_id, settings["slot_minutes"])


def settle_end(request: Any, event: StreamEnded) -> None:
    """Take what the stream has cost by its end and was not taken yet."""
    request.find_service(MeterService).settle(event.stream_id)


def close_sessions(request: Any, event: StreamEnded) -> None:
    """No session goes on beyond its stream."""
    sell = event.reason not in CALLED_OFF
    request.find_service(SessionService).close_running(event.stream_id, event.seller_id, sell=sell)


def note_closed(request: Any, event: AuctionClosed) -> None:
    """Tell the stream of a session's end."""
    request.find_service(SessionService).note_closed(event.auction_id, event.outcome, event.price)


def note_held(request: Any, event: LotHeld) -> None:
    """Tell the winner of a session."""
    request.find_service(SessionService).note_held(event.auction_id, event.user_id, event.price, event.due_at)


def welcome_seller(request: Any, event: SellerVerified) -> None:
    """Give a seller who was verified for the first time their free credits."""
    if event.verified:
        credits = section(request.registry, "livestream")["free_credits"]
        request.find_service(CreditService).welcome(event.user_id, credits)
