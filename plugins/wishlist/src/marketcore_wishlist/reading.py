"""Reading wishlists: what is on them with how it is on sale now, in one statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.catalog.presenting import present_rating
from marketcore.exceptions import NotFound
from marketcore.media.presenting import public_address
from marketcore.web.json import present_money, utc

_PAGE = text(
    """SELECT i.id, i.added_at, p.id AS product_id, p.title, p.ratings_count, p.rating_hundredths, p.seller_id,
              u.username, cover.path AS cover, l.id AS listing_id, l.kind, l.state, l.price_minor, l.currency,
              l.quantity
       FROM (SELECT * FROM wishlist_items WHERE user_id = :user AND id < :before ORDER BY id DESC LIMIT :limit) i
       JOIN products p ON p.id = i.product_id JOIN users u ON u.id = p.seller_id
       LEFT JOIN listings l ON l.product_id = p.id AND l.state <> 'closed'
       LEFT JOIN LATERAL (
           SELECT m.variants ->> 'thumb' AS path FROM product_images g JOIN media_objects m ON m.id = g.media_id
           WHERE g.product_id = p.id AND m.state = 'ready' ORDER BY g.position LIMIT 1) cover ON true
       ORDER BY i.id DESC"""
)
_STATE = text(
    """SELECT p.id, EXISTS (SELECT FROM wishlist_items WHERE user_id = :user AND product_id = p.id) AS wished,
              CASE WHEN p.seller_id = :user OR :admin THEN
                  (SELECT count(*) FROM wishlist_items WHERE product_id = p.id) END AS count
       FROM products p WHERE p.id = :product"""
)
_DEMAND = text(
    """SELECT p.id, p.title, (SELECT count(*) FROM wishlist_items i WHERE i.product_id = p.id) AS count
       FROM products p WHERE p.seller_id = :seller AND p.state = 'active' AND p.id < :before
       ORDER BY p.id DESC LIMIT :limit"""
)


def page_of_wishes(session: Any, user_id: int, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` wishes of somebody, newest first, ids below ``before``."""
    return list(session.execute(_PAGE, {"user": user_id, "before": before, "limit": limit}))


def present_wish(registry: Any, row: Any) -> dict[str, Any]:
    """Return the document of a wish."""
    return {
        "product": {"id": row.product_id, "title": row.title, "cover": public_address(registry, row.cover)},
        "seller": {"id": row.seller_id, "username": row.username},
        "rating": present_rating(row),
        "listing": _present_offer(row) if row.listing_id else None,
        "buyable": row.state == "active" and row.quantity > 0,
        "added_at": utc(row.added_at),
    }


def _present_offer(row: Any) -> dict[str, Any]:
    return {
        "id": row.listing_id,
        "kind": row.kind,
        "state": row.state,
        "price": present_money(row.price_minor, row.currency),
        "quantity": row.quantity,
    }


def wish_state(session: Any, product_id: int, identity: Any) -> dict[str, Any]:
    """Return whether ``identity`` wishes for a product; its seller and admins learn how many do."""
    values = {"product": product_id, "user": identity.user_id, "admin": "admin" in identity.roles}
    row = session.execute(_STATE, values).first()
    if row is None:
        raise NotFound(f"there is no product {product_id}")
    return {"product_id": row.id, "wished": row.wished, "count": row.count}


def page_of_demand(session: Any, seller_id: int, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` products of a seller, newest first, with on how many wishlists each is."""
    return list(session.execute(_DEMAND, {"seller": seller_id, "before": before, "limit": limit}))


def present_demand(row: Any) -> dict[str, Any]:
    """Return the document of a product that people wish for."""
    return {"product_id": row.id, "title": row.title, "count": row.count}
