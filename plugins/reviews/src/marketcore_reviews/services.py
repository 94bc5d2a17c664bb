"""Reviews of products: one per buyer and product, counted in the transaction that writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from marketcore import audit
from marketcore.catalog.ratings import ProductRatings
from marketcore.db import clock
from marketcore.exceptions import Conflict, Forbidden, NotFound
from marketcore.notifications.services import NotificationService
from marketcore_reviews.rules import check_window

# Received is what was delivered or done at some time, whatever became of the order since.
_RECEIVED = text(
    """SELECT p.seller_id, p.title,
              (SELECT o.id FROM orders o JOIN order_lines n ON n.order_id = o.id
               WHERE o.buyer_id = :author AND n.product_id = p.id
                 AND EXISTS (SELECT FROM order_history h WHERE h.order_id = o.id
                             AND h.state IN ('delivered', 'completed'))
               ORDER BY o.id DESC LIMIT 1) AS order_id
       FROM products p WHERE p.id = :product"""
)
_WRITE = text(
    """INSERT INTO reviews_reviews (product_id, author_id, order_id, rating, title, body)
       VALUES (:product, :author, :order, :rating, :title, :body)
       ON CONFLICT (product_id, author_id) DO NOTHING RETURNING id"""
)
_LOCK = text("SELECT * FROM reviews_reviews WHERE id = :id FOR UPDATE")
_CHANGE = text(
    """UPDATE reviews_reviews SET rating = :rating, title = :title, body = :body, edited_at = market_clock()
       WHERE id = :id"""
)
_REPLY = text(
    """UPDATE reviews_reviews r SET reply = :reply, replied_at = market_clock() FROM products p
       WHERE r.id = :id AND p.id = r.product_id AND p.seller_id = :seller AND NOT r.hidden
       RETURNING r.author_id, p.title"""
)
_HIDE = text("UPDATE reviews_reviews SET hidden = :hidden, hidden_reason = :reason WHERE id = :id")


class ReviewService:
    """Writes, changes, answers and hides reviews."""

    def __init__(
        self, session: Any, ratings: ProductRatings, notifications: NotificationService, edit_days: int
    ) -> None:
        self._session = session
        self._ratings = ratings
        self._notifications = notifications
        self._edit_days = edit_days

    def write(self, product_id: int, author_id: int, opinion: Mapping[str, Any]) -> int:
        """Write ``opinion`` (rating, title, body) about a product and return the review's id.

        ``Forbidden`` for who has not received the product, ``Conflict`` for who has reviewed it before.
        """
        product = self._session.execute(_RECEIVED, {"product": product_id, "author": author_id}).first()
        if product is None:
            raise NotFound(f"there is no product {product_id}")
        if product.order_id is None:
            raise Forbidden(f"product {product_id} can be reviewed by those who have received it")
        row = {"product": product_id, "author": author_id, "order": product.order_id, **opinion}
        review_id: int | None = self._session.execute(_WRITE, row).scalar_one_or_none()
        if review_id is None:
            raise Conflict(f"you have reviewed product {product_id} already: change that review")
        self._ratings.change(product_id, count=1, stars=opinion["rating"])
        told = {"what": product.title, "rating": opinion["rating"], "product_id": product_id, "order_id": None}
        self._notifications.notify(product.seller_id, "reviews.received", told)
        return review_id

    def change(self, review_id: int, author_id: int, change: Mapping[str, Any]) -> None:
        """Change one's own review as long as ``reviews.edit_days`` allow; ``Conflict`` after that."""
        review = self._lock(review_id)
        if review.author_id != author_id:
            raise NotFound(f"there is no review {review_id} of yours")
        check_window(review.created_at, clock.now(self._session), self._edit_days)
        now = {"rating": review.rating, "title": review.title, "body": review.body, **change}
        self._session.execute(_CHANGE, {"id": review_id, **now})
        if not review.hidden and now["rating"] != review.rating:
            self._ratings.change(review.product_id, count=0, stars=now["rating"] - review.rating)

    def reply(self, review_id: int, seller_id: int, reply: str) -> None:
        """Answer a review of one's own product, or put another answer in place of the first."""
        row = self._session.execute(_REPLY, {"id": review_id, "seller": seller_id, "reply": reply}).first()
        if row is None:
            raise NotFound(f"there is no review {review_id} of a product of yours")
        self._notifications.notify(row.author_id, "reviews.replied", {"what": row.title, "reply": reply[:200]})

    def moderate(self, review_id: int, actor: str, *, hidden: bool, reason: str) -> None:
        """Hide a review, which counts for nothing then, or show it again; the audit log says who did and why."""
        review = self._lock(review_id)
        self._session.execute(_HIDE, {"id": review_id, "hidden": hidden, "reason": reason if hidden else ""})
        if hidden != review.hidden:
            sign = -1 if hidden else 1
            self._ratings.change(review.product_id, count=sign, stars=sign * review.rating)
        act = "review.hide" if hidden else "review.show"
        audit.record(self._session, actor, act, "review", review_id, reason=reason)

    def _lock(self, review_id: int) -> Any:
        row = self._session.execute(_LOCK, {"id": review_id}).first()
        if row is None:
            raise NotFound(f"there is no review {review_id}")
        return row


def review_service(_context: Any, request: Any) -> ReviewService:
    """Return the request's ``ReviewService``."""
    from marketcore.settings import section

    edit_days = section(request.registry, "reviews")["edit_days"]
    ratings, notifications = request.find_service(ProductRatings), request.find_service(NotificationService)
    return ReviewService(request.db, ratings, notifications, edit_days)
