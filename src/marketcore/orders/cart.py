"""The cart: what a buyer means to buy. It reserves nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.catalog.offers import PRICE_NOW
from marketcore.directives import table
from marketcore.exceptions import Conflict, NotFound

_ITEMS = text(
    f"""SELECT c.listing_id, c.quantity, coalesce(c.award_minor, {PRICE_NOW}) AS unit_minor, l.currency, l.state,
              l.quantity AS left_over, l.seller_id, p.title
       FROM cart_items c JOIN listings l ON l.id = c.listing_id JOIN products p ON p.id = l.product_id
       WHERE c.user_id = :user ORDER BY c.added_at, c.listing_id"""
)
_LISTING = text("SELECT id, kind, state, seller_id FROM listings WHERE id = :id")
_PUT = text(
    """INSERT INTO cart_items (user_id, listing_id, quantity) VALUES (:user, :listing, :quantity)
       ON CONFLICT (user_id, listing_id) DO UPDATE SET priced_at = excluded.priced_at,
         quantity = least(CASE WHEN :add THEN cart_items.quantity ELSE 0 END + excluded.quantity, 1000000)
       WHERE cart_items.award_minor IS NULL"""
)
_REMOVE = text("DELETE FROM cart_items WHERE user_id = :user AND listing_id = :listing")
_COUNT = text("SELECT count(*) FROM cart_items WHERE user_id = :user AND listing_id <> :listing")


class CartService:
    """Reads and changes carts."""

    def __init__(self, session: Any, kinds: Any, max_items: int) -> None:
        self._session = session
        self._kinds = kinds
        self._max_items = max_items

    def items(self, user_id: int) -> list[Any]:
        """Return the rows of the user's cart with today's prices."""
        return list(self._session.execute(_ITEMS, {"user": user_id}))

    def put(self, user_id: int, listing_id: int, quantity: int, *, add: bool) -> None:
        """Set the quantity of a listing in the cart, or add to it."""
        listing = self._session.execute(_LISTING, {"id": listing_id}).first()
        if listing is None or listing.state == "closed":
            raise NotFound(f"there is no listing {listing_id} on sale")
        if not self._kinds[listing.kind].in_cart:
            raise Conflict(f"listing {listing_id} is sold by {listing.kind}, not from the cart")
        if listing.seller_id == user_id:
            raise Conflict(f"listing {listing_id} is your own", listing_id=listing_id)
        if self._session.execute(_COUNT, {"user": user_id, "listing": listing_id}).scalar_one() >= self._max_items:
            raise Conflict(f"a cart holds at most {self._max_items} listings")
        self._session.execute(_PUT, {"user": user_id, "listing": listing_id, "quantity": quantity, "add": add})

    def remove(self, user_id: int, listing_id: int) -> None:
        """Take a listing out of the cart."""
        if self._session.execute(_REMOVE, {"user": user_id, "listing": listing_id}).rowcount == 0:
            raise NotFound(f"listing {listing_id} is not in the cart")


def cart_service(_context: Any, request: Any) -> CartService:
    """Return the request's ``CartService``."""
    from marketcore.settings import section

    settings = section(request.registry, "orders")
    return CartService(request.db, table(request.registry, "listing kinds"), settings["max_cart_items"])
