"""What happens to auctions by the clock."""

from __future__ import annotations

from typing import Any

from marketcore.db.session import perform
from marketcore.jobs.binding import outside_transaction
from marketcore.settings import section
from marketcore_auctions.services import AuctionService
from marketcore_auctions.telling import Teller


@outside_transaction
def close_due_auctions(registry: Any) -> None:
    """Close every auction whose time is up, some per transaction; one that cannot be closed keeps no other open."""
    failed: set[int] = set()
    known = -1
    while perform(registry, _close_some, failed) or len(failed) > known:
        known = len(failed)


def _close_some(request: Any, failed: set[int]) -> int:
    closed: int = request.find_service(AuctionService).close_due(failed=failed)
    return closed


def tell_bids(request: Any) -> None:
    """Tell of new bids."""
    request.find_service(Teller).tell_bids()


def tell_endings(request: Any) -> None:
    """Tell of ends that are near."""
    minutes = section(request.registry, "auctions")["ending_soon_minutes"]
    if minutes:
        request.find_service(Teller).tell_endings(minutes)


def settle_unpaid(request: Any, order_id: int) -> None:
    """Let a lot go on whose order was not paid."""
    request.find_service(AuctionService).settle_unpaid(order_id)


def settle_unordered(request: Any, cart_award_id: int) -> None:
    """Let a lot go on that its winner's cart held in vain."""
    request.find_service(AuctionService).settle_unordered(cart_award_id)
