"""Reading opinions: one statement a page; what is hidden is for admins, and for whoever said it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.catalog.presenting import present_rating
from marketcore.catalog.rules import present_stars
from marketcore.exceptions import NotFound
from marketcore.web.json import utc
from marketcore_reviews.rules import average

_REVIEW = """SELECT r.*, u.username, :admin OR r.author_id = :reader AS whole
             FROM reviews_reviews r JOIN users u ON u.id = r.author_id"""
_SHOWN = "(NOT r.hidden OR :admin OR r.author_id = :reader)"
_REVIEWS = text(
    f"""{_REVIEW} WHERE r.product_id = :product AND r.id < :before AND {_SHOWN}
          AND (CAST(:rating AS int) IS NULL OR r.rating = :rating)
        ORDER BY r.id DESC LIMIT :limit"""
)
_ONE_REVIEW = text(f"{_REVIEW} WHERE r.id = :id AND {_SHOWN}")
_PRODUCT = text(
    """SELECT p.rating_hundredths, p.ratings_count,
              (SELECT json_object_agg(each.rating, each.times) FROM (
                   SELECT rating, count(*) AS times FROM reviews_reviews
                   WHERE product_id = p.id AND NOT hidden GROUP BY rating) each) AS stars
       FROM products p WHERE p.id = :id"""
)
_KNOWN = text("SELECT id FROM products WHERE id = :id")
_FEEDBACK = """SELECT r.*, u.username, :admin OR r.buyer_id = :reader AS whole,
                      :admin OR :reader IN (r.buyer_id, r.seller_id) AS theirs
               FROM reviews_feedback r JOIN users u ON u.id = r.buyer_id"""
_FEEDBACK_PAGE = text(
    f"""{_FEEDBACK} WHERE r.seller_id = :seller AND r.id < :before
          AND (NOT r.hidden OR :admin OR r.buyer_id = :reader)
        ORDER BY r.id DESC LIMIT :limit"""
)
_FEEDBACK_OF = text(f"{_FEEDBACK} WHERE r.order_id = :order AND (:admin OR :reader IN (r.buyer_id, r.seller_id))")
_ONE_FEEDBACK = text(f"{_FEEDBACK} WHERE r.id = :id")
_SELLER = text("SELECT * FROM reviews_sellers WHERE seller_id = :id")
_PLATFORM = text(
    """SELECT count(*) AS count, coalesce(sum(platform_rating), 0) AS total FROM reviews_feedback WHERE NOT hidden"""
)


def _reader(identity: Any) -> dict[str, Any]:
    return {"admin": identity is not None and "admin" in identity.roles, "reader": identity.user_id if identity else 0}


def check_product(session: Any, product_id: int) -> None:
    """Raise ``NotFound`` if there is no such product."""
    if session.execute(_KNOWN, {"id": product_id}).first() is None:
        raise NotFound(f"there is no product {product_id}")


def page_of_reviews(
    session: Any, product_id: int, identity: Any, *, rating: int | None, before: int, limit: int
) -> list[Any]:
    """Return up to ``limit`` reviews of a product, newest first, ids below ``before``."""
    values = {"product": product_id, "rating": rating, "before": before, "limit": limit}
    return list(session.execute(_REVIEWS, {**values, **_reader(identity)}))


def read_review(session: Any, review_id: int, identity: Any) -> Any:
    """Return a review that ``identity`` may see; ``NotFound`` otherwise."""
    row = session.execute(_ONE_REVIEW, {"id": review_id, **_reader(identity)}).first()
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    return row


def present_review(row: Any) -> dict[str, Any]:
    """Return a review's document."""
    return {
        "id": row.id,
        "product_id": row.product_id,
        "author": {"id": row.author_id, "username": row.username},
        "rating": row.rating,
        "title": row.title,
        "body": row.body,
        **_answer(row),
        "created_at": utc(row.created_at),
        "edited_at": utc(row.edited_at),
    }


def _answer(row: Any) -> dict[str, Any]:
    return {
        "reply": row.reply or None,
        "replied_at": utc(row.replied_at),
        "hidden": row.hidden,
        "hidden_reason": (row.hidden_reason or None) if row.whole else None,
    }


def product_rating(session: Any, product_id: int) -> dict[str, Any]:
    """Return the document of what a product is rated."""
    row = session.execute(_PRODUCT, {"id": product_id}).first()
    if row is None:
        raise NotFound(f"there is no product {product_id}")
    counts = row.stars or {}
    stars = [{"stars": number, "count": counts.get(str(number), 0)} for number in range(5, 0, -1)]
    return {**present_rating(row), "stars": stars}


def page_of_feedback(session: Any, seller_id: int, identity: Any, *, before: int, limit: int) -> list[Any]:
    """Return up to ``limit`` pieces of feedback about a seller, newest first, ids below ``before``."""
    values = {"seller": seller_id, "before": before, "limit": limit}
    return list(session.execute(_FEEDBACK_PAGE, {**values, **_reader(identity)}))


def feedback_of_order(session: Any, order_id: int, identity: Any) -> Any:
    """Return an order's feedback for its parties and admins; ``NotFound`` for others, and while there is none."""
    row = session.execute(_FEEDBACK_OF, {"order": order_id, **_reader(identity)}).first()
    if row is None:
        raise NotFound(f"there is no feedback about an order {order_id} of yours")
    return row


def read_feedback(session: Any, feedback_id: int, identity: Any) -> Any:
    """Return one piece of feedback; the caller has decided who may."""
    return session.execute(_ONE_FEEDBACK, {"id": feedback_id, **_reader(identity)}).one()


def present_feedback(row: Any) -> dict[str, Any]:
    """Return the document of feedback; which order it is about, its parties see alone."""
    return {
        "id": row.id,
        "order_id": row.order_id if row.theirs else None,
        "seller_id": row.seller_id,
        "buyer": {"id": row.buyer_id, "username": row.username},
        "seller_rating": row.seller_rating,
        "platform_rating": row.platform_rating if row.whole else None,
        "communication": row.communication,
        "shipping": row.shipping,
        "accuracy": row.accuracy,
        "comment": row.comment,
        **_answer(row),
        "created_at": utc(row.created_at),
    }


def seller_rating(session: Any, seller_id: int) -> dict[str, Any]:
    """Return the document of what a seller is rated."""
    row = session.execute(_SELLER, {"id": seller_id}).first()
    count = row.ratings_count if row else 0
    totals = {
        "average": "seller_total",
        "communication": "communication_total",
        "shipping": "shipping_total",
        "accuracy": "accuracy_total",
    }
    marks = {name: _mean(getattr(row, column), count) if count else None for name, column in totals.items()}
    return {"seller_id": seller_id, "count": count, **marks}


def platform_rating(session: Any) -> dict[str, Any]:
    """Return the document of what the marketplace itself is rated."""
    row = session.execute(_PLATFORM).one()
    return {"count": row.count, "average": _mean(row.total, row.count) if row.count else None}


def _mean(total: int, count: int) -> str:
    return present_stars(average(total, count))
