"""Auctions whose clock somebody holds: whoever sells there pauses it, lets it go on, and lets the hammer fall.

What decides between a bid and its conductor is which of them locks the auction first; the times in the log are those
of the database's clock after the lock, as for every bid.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from marketcore.db import clock
from marketcore.exceptions import Conflict, MarketError, NotFound
from marketcore.testing.crash import crash_point
from marketcore_auctions.bidding import Refusal, Standing, Terms, hammer, is_over, pause, resume
from marketcore_auctions.lots import Lot, lock_lots, save
from marketcore_auctions.refusals import AuctionClosed, AuctionPaused, AuctionRunning
from marketcore_auctions.services import AuctionService

Change = Callable[[Terms, Standing, datetime], Standing | Refusal]


class AuctionConductor:
    """Changes the clock of conducted auctions. To publish one: ``ListingService.publish`` with ``conducted: True``."""

    def __init__(self, session: Any, auctions: AuctionService, publish: Any) -> None:
        self._session = session
        self._auctions = auctions
        self._publish = publish

    def pause(self, auction_id: int, seller_id: int) -> None:
        """Stop the clock: until it goes on bids are refused, and what is left on it is kept.

        ``NotFound`` for anybody but its seller, ``AuctionClosed`` once its time is up, ``AuctionPaused`` if it stands.
        """
        self._change(auction_id, seller_id, pause, "paused")

    def resume(self, auction_id: int, seller_id: int) -> None:
        """Let the clock go on with what was left on it; ``AuctionRunning`` if it does already, else as ``pause``."""
        self._change(auction_id, seller_id, resume, "resumed")

    def hammer(self, auction_id: int, seller_id: int) -> bool:
        """End the auction now: whoever leads has won. ``False`` if it had ended before; ``NotFound`` as ``pause``.

        One whose time is up, and that nobody has closed yet, is closed as of its own end.
        """
        lot = self._lock(auction_id, seller_id)
        if lot.state != "open":
            return False
        now = clock.now(self._session)
        ended = hammer(lot.terms, lot.standing, now)
        if isinstance(ended, Standing):
            lot.standing = ended
            lot.note("hammered", now)
        elif ended is not Refusal.OVER:
            raise _explained(lot, ended)
        self._auctions.end(lot, now)
        crash_point("auctions.hammered")
        return True

    def call_off(self, auction_id: int, seller_id: int) -> bool:
        """End the auction without a winner; ``False`` if it had ended before. One whose time is up is closed."""
        lot = self._lock(auction_id, seller_id)
        if lot.state != "open":
            return False
        now = clock.now(self._session)
        if is_over(lot.standing, now):
            self._auctions.end(lot, now)
        else:
            self._auctions.call_off(lot, now)
        return True

    def _change(self, auction_id: int, seller_id: int, change: Change, kind: str) -> None:
        lot = self._lock(auction_id, seller_id)
        now = clock.now(self._session)
        if lot.state != "open":
            raise _explained(lot, Refusal.OVER)
        standing = change(lot.terms, lot.standing, now)
        if not isinstance(standing, Standing):
            raise _explained(lot, standing)
        lot.standing = standing
        lot.note(kind, now)
        save(self._session, [lot])
        self._publish(f"auction:{lot.id}", f"auction.{kind}", lot.news(now))

    def _lock(self, auction_id: int, seller_id: int) -> Lot:
        lot = lock_lots(self._session, [auction_id]).get(auction_id)
        if lot is None or lot.row.seller_id != seller_id:
            raise NotFound(f"you have no auction {auction_id}")
        return lot


def _explained(lot: Lot, refusal: Refusal) -> MarketError:
    if refusal is Refusal.OVER:
        return AuctionClosed(f"auction {lot.id} is over")
    if refusal is Refusal.PAUSED:
        return AuctionPaused(f"auction {lot.id} is paused already")
    if refusal is Refusal.RUNNING:
        return AuctionRunning(f"auction {lot.id} is not paused")
    return Conflict(f"the clock of auction {lot.id} is in nobody's hands: it ends by itself")


def auction_conductor(_context: Any, request: Any) -> AuctionConductor:
    """Return the request's ``AuctionConductor``."""
    return AuctionConductor(request.db, request.find_service(AuctionService), request.publish)
