"""What somebody has won, in their cart: one piece, reserved for them at its price, until a moment.

The piece is out of the listing's stock as long as the cart holds it. Whoever decides what becomes of it, the buyer at
the checkout, the buyer who takes it out, or the deadline, holds the cart item's row lock, and finds it only once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore.db.session import collided
from marketcore.events import CartAwardEnded
from marketcore.exceptions import Conflict, NotFound, OutOfStock
from marketcore.money import Money
from marketcore.orders.rules import largest_total

log = structlog.get_logger(__name__)

_RESERVE = text(
    """UPDATE listings SET quantity = quantity - 1 WHERE id = :listing AND quantity > 0 AND seller_id <> :user
       RETURNING currency"""
)
_LISTING = text("SELECT seller_id FROM listings WHERE id = :listing")
_HOLD = text(
    """WITH award AS (
         INSERT INTO cart_awards (user_id, listing_id, unit_minor, due_at) VALUES (:user, :listing, :minor, :due)
         RETURNING id, user_id, listing_id),
       item AS (
         INSERT INTO cart_items (user_id, listing_id, quantity, award_id)
         SELECT user_id, listing_id, 1, id FROM award
         ON CONFLICT (user_id, listing_id) DO UPDATE SET quantity = 1, award_id = excluded.award_id
           WHERE cart_items.award_id IS NULL
         RETURNING award_id)
       SELECT award_id FROM item"""
)
_OVERDUE = text(
    """SELECT a.id, a.user_id, a.listing_id FROM cart_items c JOIN cart_awards a ON a.id = c.award_id
       WHERE a.state = 'held' AND a.due_at <= market_clock()
       ORDER BY a.due_at, a.id LIMIT :limit FOR UPDATE OF c SKIP LOCKED"""
)
_LOCK_STOCK = text("SELECT id FROM listings WHERE id = ANY(:listings) ORDER BY id FOR NO KEY UPDATE")
_LOCK_ITEM = text(
    """SELECT a.id, a.user_id, a.listing_id, a.due_at FROM cart_items c JOIN cart_awards a ON a.id = c.award_id
       WHERE c.user_id = :user AND c.listing_id = :listing FOR UPDATE OF c"""
)
_END = text(
    """WITH ended AS (
         UPDATE cart_awards SET state = :state, ended_at = market_clock() WHERE id = :id RETURNING listing_id),
       emptied AS (
         DELETE FROM cart_items WHERE award_id = :id)
       UPDATE listings l SET quantity = quantity + 1 FROM ended WHERE l.id = ended.listing_id"""
)
# The piece goes back for the moment in which the checkout takes it like any other.
_TAKE_UP = text(
    """UPDATE listings l SET quantity = quantity + 1 FROM cart_awards a
       WHERE a.id = ANY(CAST(:awards AS bigint[])) AND a.listing_id = l.id AND a.due_at > market_clock()"""
)
_ORDERED = text(
    """UPDATE cart_awards a SET state = 'ordered', order_id = n.order_id, ended_at = market_clock()
       FROM order_lines n
       WHERE a.id = ANY(CAST(:awards AS bigint[])) AND n.order_id = ANY(CAST(:orders AS bigint[]))
         AND n.listing_id = a.listing_id
       RETURNING a.id, a.user_id, a.listing_id, a.order_id"""
)


class ReservationEnded(Conflict):
    """The time in which something won could be bought is over."""

    code, title = "reservation-ended", "The time to buy this is over"


class CartAwards:
    """Puts what was won into carts, and ends that in one of three ways."""

    def __init__(self, session: Any, emit: Any) -> None:
        self._session = session
        self._emit = emit

    def hold(self, user_id: int, listing_id: int, unit_minor: int, due: datetime) -> int:
        """Reserve one piece of a listing in the cart of ``user_id`` at an agreed price; return the award's id.

        Whoever awards vouches for the listing: it may be paused or closed. It stays reserved until ``due``;
        ``CartAwardEnded`` tells what has become of it. ``NotFound`` without such a listing, ``OutOfStock`` if none is
        left, ``Conflict`` for its seller or a price that cannot be paid.
        """
        currency = self._session.execute(_RESERVE, {"listing": listing_id, "user": user_id}).scalar()
        if currency is None:
            raise self._refusal(listing_id, user_id)
        if not 0 < unit_minor <= largest_total(currency):
            raise Conflict(f"listing {listing_id} cannot be sold at {Money(unit_minor, currency)}")
        wanted = {"user": user_id, "listing": listing_id, "minor": unit_minor, "due": due}
        award_id: int | None = self._session.execute(_HOLD, wanted).scalar()
        if award_id is None:
            raise Conflict(f"listing {listing_id} is in their cart already, won before: one piece at a time")
        return award_id

    def _refusal(self, listing_id: int, user_id: int) -> Exception:
        seller = self._session.execute(_LISTING, {"listing": listing_id}).scalar()
        if seller is None:
            return NotFound(f"there is no listing {listing_id}")
        if seller == user_id:
            return Conflict(f"listing {listing_id} is your own", listing_id=listing_id)
        return OutOfStock(f"listing {listing_id} has none left", listing_id=listing_id, left=0)

    def give_up(self, user_id: int, listing_id: int) -> bool:
        """Take what was won out of the cart; ``False`` if the cart's item is none. Past its deadline it has lapsed."""
        award = self._session.execute(_LOCK_ITEM, {"user": user_id, "listing": listing_id}).first()
        if award is None:
            return False
        self._end(award, "removed" if clock.now(self._session) < award.due_at else "lapsed")
        return True

    def lapse_overdue(self, limit: int = 100) -> int:
        """End what was not bought in time, each by itself; return how many."""
        awards = list(self._session.execute(_OVERDUE, {"limit": limit}))
        self._session.execute(_LOCK_STOCK, {"listings": [award.listing_id for award in awards]})
        lapsed = 0
        # What follows for the winners locks their accounts: in one order, whoever else ends others of theirs.
        for award in sorted(awards, key=lambda award: (award.user_id, award.id)):
            try:
                with self._session.begin_nested():
                    self._end(award, "lapsed")
                lapsed += 1
            except Exception as error:
                if collided(error):
                    raise
                log.exception("cart_award_not_lapsed", award_id=award.id)
        return lapsed

    def _end(self, award: Any, outcome: str) -> None:
        self._session.execute(_END, {"id": award.id, "state": outcome})
        self._emit(CartAwardEnded(award.id, award.user_id, award.listing_id, outcome, None))

    def take_up(self, award_ids: list[int]) -> None:
        """Put the pieces, whose cart items and listings are locked, back for the checkout; ``ReservationEnded``."""
        if self._session.execute(_TAKE_UP, {"awards": award_ids}).rowcount != len(award_ids):
            raise ReservationEnded(
                "what you have won was reserved until its deadline, which is over: it leaves the cart"
            )

    def ordered(self, award_ids: list[int], order_ids: list[int]) -> None:
        """Note in which of the checkout's orders the pieces are."""
        for row in self._session.execute(_ORDERED, {"awards": award_ids, "orders": order_ids}).all():
            self._emit(CartAwardEnded(row.id, row.user_id, row.listing_id, "ordered", row.order_id))


def cart_awards(_context: Any, request: Any) -> CartAwards:
    """Return the request's ``CartAwards``."""
    return CartAwards(request.db, request.emit)
