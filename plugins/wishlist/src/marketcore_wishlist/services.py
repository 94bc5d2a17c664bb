"""Wishlists: changed one step after the other for each person, and looked through for better offers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import Conflict, NotFound
from marketcore.money import Money
from marketcore.notifications.services import NotificationService

# Two tabs that toggle at once shall undo each other, and the limit shall hold: one person's changes queue here.
_LOCK = text("SELECT id FROM users WHERE id = :user FOR NO KEY UPDATE")
_ADD = text(
    """INSERT INTO wishlist_items (user_id, product_id, noted_minor, noted_currency, noted_buyable)
       SELECT :user, p.id, l.price_minor, l.currency, coalesce(l.state = 'active' AND l.quantity > 0, false)
       FROM products p LEFT JOIN listings l ON l.product_id = p.id AND l.state <> 'closed'
       WHERE p.id = :product AND p.state = 'active'
       ON CONFLICT (user_id, product_id) DO NOTHING"""
)
_REMOVE = text("DELETE FROM wishlist_items WHERE user_id = :user AND product_id = :product RETURNING id")
_STATE = text(
    """SELECT p.seller_id,
              EXISTS (SELECT FROM wishlist_items WHERE user_id = :user AND product_id = p.id) AS wished,
              (SELECT count(*) FROM wishlist_items WHERE user_id = :user) AS items
       FROM products p WHERE p.id = :product"""
)
# A lower fixed price, or anything at all where there was nothing. What an auction stands at is no offer.
_BETTER = text(
    """WITH better AS (
         SELECT i.id, i.user_id, i.product_id, l.id AS listing_id, p.title, l.price_minor, l.currency,
                i.noted_minor AS before_minor, NOT i.noted_buyable AS back
         FROM wishlist_items i
         JOIN listings l ON l.product_id = i.product_id AND l.state = 'active' AND l.quantity > 0
         JOIN products p ON p.id = i.product_id
         WHERE NOT i.noted_buyable
            OR (l.kind = 'fixed_price' AND l.currency = i.noted_currency AND l.price_minor < i.noted_minor)
         ORDER BY i.id LIMIT :limit FOR UPDATE OF i SKIP LOCKED)
       UPDATE wishlist_items i
       SET noted_minor = better.price_minor, noted_currency = better.currency, noted_buyable = true
       FROM better WHERE i.id = better.id RETURNING better.*"""
)
# What has become worse is noted without a word, so that it can become better again.
_WORSE = text(
    """WITH offers AS (
         SELECT i.id, l.price_minor, l.currency, l.id IS NOT NULL AS buyable
         FROM wishlist_items i
         LEFT JOIN listings l ON l.product_id = i.product_id AND l.state = 'active' AND l.quantity > 0
         WHERE i.noted_buyable
           AND (l.id IS NULL OR l.currency IS DISTINCT FROM i.noted_currency OR l.price_minor > i.noted_minor)
         FOR UPDATE OF i SKIP LOCKED)
       UPDATE wishlist_items i
       SET noted_minor = coalesce(offers.price_minor, i.noted_minor),
           noted_currency = coalesce(offers.currency, i.noted_currency), noted_buyable = offers.buyable
       FROM offers WHERE i.id = offers.id"""
)


class WishlistService:
    """Puts products on wishlists, takes them off, and tells of better offers."""

    def __init__(self, session: Any, notifications: NotificationService, max_items: int) -> None:
        self._session = session
        self._notifications = notifications
        self._max_items = max_items

    def put(self, user_id: int, product_id: int) -> None:
        """Put a product on the list; nothing happens if it is there. ``Conflict`` when the list is full."""
        self._session.execute(_LOCK, {"user": user_id})
        self._put(user_id, product_id)

    def remove(self, user_id: int, product_id: int) -> None:
        """Take a product off the list; nothing happens if it is not there."""
        self._session.execute(_REMOVE, {"user": user_id, "product": product_id})

    def toggle(self, user_id: int, product_id: int) -> bool:
        """Put a product on the list, or take it off; return whether it is there now."""
        self._session.execute(_LOCK, {"user": user_id})
        if self._session.execute(_REMOVE, {"user": user_id, "product": product_id}).first():
            return False
        self._put(user_id, product_id)
        return True

    def tell_of_offers(self, limit: int) -> int:
        """Tell of up to ``limit`` wishes that have become cheaper or can be had again; return how many."""
        found = self._session.execute(_BETTER, {"limit": limit}).all()
        for wish in sorted(found, key=lambda wish: (wish.user_id, wish.id)):
            data = {"product_id": wish.product_id, "listing_id": wish.listing_id, "title": wish.title}
            data["price"] = str(Money(wish.price_minor, wish.currency))
            type = "wishlist.back_in_stock" if wish.back else "wishlist.price_dropped"
            if not wish.back:
                data["before"] = str(Money(wish.before_minor, wish.currency))
            self._notifications.notify(wish.user_id, type, data, key=f"product {wish.product_id}")
        self._session.execute(_WORSE)
        return len(found)

    def _put(self, user_id: int, product_id: int) -> None:
        given = {"user": user_id, "product": product_id}
        state = self._session.execute(_STATE, given).first()
        if state is None:
            raise NotFound(f"there is no product {product_id}")
        if state.wished:
            return
        if state.items >= self._max_items:
            raise Conflict(f"a wishlist has at most {self._max_items} products: take one off first")
        if self._session.execute(_ADD, given).rowcount == 0:
            raise Conflict(f"product {product_id} is archived")


def wishlist_service(_context: Any, request: Any) -> WishlistService:
    """Return the request's ``WishlistService``."""
    from marketcore.settings import section

    max_items = section(request.registry, "wishlist")["max_items"]
    return WishlistService(request.db, request.find_service(NotificationService), max_items)
