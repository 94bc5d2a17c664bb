"""Lower prices for a time: what a listing costs until then, in the cart and at the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from marketcore.catalog.services import ListingService
from marketcore.db import clock
from marketcore.exceptions import Conflict, Invalid
from marketcore.money import Money

# The price of the listing ``l`` at this moment. The checkout decides it again, once it has locked the listing.
PRICE_NOW = "CASE WHEN l.offer_until > market_clock() THEN least(l.offer_minor, l.price_minor) ELSE l.price_minor END"

# When a better offer ended is kept: carts that may have shown it are not charged more without a word.
_MAKE = text(
    """UPDATE listings SET offer_minor = :minor, offer_until = :until, offer_ended_at =
         CASE WHEN offer_until <= :now THEN offer_until WHEN offer_minor < :minor THEN :now ELSE offer_ended_at END
       WHERE id = :id"""
)
_END = text(
    """UPDATE listings SET offer_minor = NULL, offer_until = NULL, offer_ended_at = least(offer_until, market_clock())
       WHERE id IN (SELECT id FROM listings WHERE id = ANY(CAST(:ids AS bigint[])) AND offer_until IS NOT NULL
                    ORDER BY id FOR NO KEY UPDATE)"""
)


class OfferService:
    """Makes and ends offers; an offer whose time is up needs nobody to end it."""

    def __init__(self, session: Any, listings: ListingService) -> None:
        self._session = session
        self._listings = listings

    def make(self, seller_id: int, listing_id: int, price: Money, until: datetime) -> None:
        """Sell a listing for less until then, instead of any offer before.

        ``NotFound`` for somebody else's listing, ``Conflict`` if it is not on sale from the cart, ``Invalid`` if the
        price is no lower one of its currency or the time is up.
        """
        listing = self._listings.lock(seller_id, listing_id)
        if listing.state != "active":
            raise Conflict(f"listing {listing_id} is {listing.state}: only what is on sale can be sold for less")
        if price.currency != listing.currency:
            raise Invalid(errors={"price.currency": f"must be {listing.currency}, as the listing's"})
        if price.minor >= listing.price_minor:
            raise Invalid(errors={"price": f"must be less than {Money(listing.price_minor, listing.currency)}"})
        now = clock.now(self._session)
        if until <= now:
            raise Invalid(errors={"until": "must be in the future"})
        self._session.execute(_MAKE, {"id": listing_id, "minor": price.minor, "until": until, "now": now})

    def end(self, listing_ids: Sequence[int]) -> None:
        """Let these listings cost their usual price again."""
        if listing_ids:
            self._session.execute(_END, {"ids": sorted(listing_ids)})


def offer_service(_context: Any, request: Any) -> OfferService:
    """Build the service of ``request``."""
    return OfferService(request.db, request.find_service(ListingService))
