"""Feedback about orders: exactly one per order, and what it makes of its seller's rating."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from marketcore import audit
from marketcore.events import SellerRated
from marketcore.exceptions import Conflict, Forbidden, NotFound
from marketcore.notifications.services import NotificationService
from marketcore_reviews.rules import average

_ORDER = text(
    """SELECT o.buyer_id, o.seller_id, o.state,
              EXISTS (SELECT FROM order_history h WHERE h.order_id = o.id
                      AND h.state IN ('delivered', 'completed')) AS received
       FROM orders o WHERE o.id = :id"""
)
# Two at once: the second waits here for the first, and then finds that there is one.
_GIVE = text(
    """INSERT INTO reviews_feedback (order_id, buyer_id, seller_id, seller_rating, platform_rating, communication,
                                     shipping, accuracy, comment)
       VALUES (:order, :buyer, :seller, :seller_rating, :platform_rating, :communication, :shipping, :accuracy,
               :comment)
       ON CONFLICT (order_id) DO NOTHING RETURNING id"""
)
_OPEN_TOTALS = text("INSERT INTO reviews_sellers (seller_id) VALUES (:seller) ON CONFLICT DO NOTHING")
_COUNT = text(
    """UPDATE reviews_sellers s SET
         ratings_count = s.ratings_count + :sign,
         seller_total = s.seller_total + :sign * f.seller_rating,
         communication_total = s.communication_total + :sign * f.communication,
         shipping_total = s.shipping_total + :sign * f.shipping,
         accuracy_total = s.accuracy_total + :sign * f.accuracy
       FROM reviews_feedback f WHERE f.id = :id AND s.seller_id = f.seller_id
       RETURNING s.seller_id, s.ratings_count, s.seller_total"""
)
_REPLY = text(
    """UPDATE reviews_feedback SET reply = :reply, replied_at = market_clock()
       WHERE id = :id AND seller_id = :seller AND NOT hidden RETURNING buyer_id, order_id"""
)
_LOCK = text("SELECT * FROM reviews_feedback WHERE id = :id FOR UPDATE")
_HIDE = text("UPDATE reviews_feedback SET hidden = :hidden, hidden_reason = :reason WHERE id = :id")
# Asked while the goods are with the buyer and nobody has said anything yet; the first row decides.
_ASK = text(
    """INSERT INTO reviews_requests (order_id)
       SELECT o.id FROM orders o WHERE o.id = :id AND o.state IN ('delivered', 'completed')
         AND NOT EXISTS (SELECT FROM reviews_feedback f WHERE f.order_id = o.id)
       ON CONFLICT DO NOTHING RETURNING (SELECT buyer_id FROM orders WHERE id = :id) AS buyer_id"""
)


class FeedbackService:
    """Takes, answers and hides feedback, and keeps the ratings of sellers."""

    def __init__(self, session: Any, emit: Any, notifications: NotificationService) -> None:
        self._session = session
        self._emit = emit
        self._notifications = notifications

    def give(self, order_id: int, buyer_id: int, marks: Mapping[str, Any]) -> int:
        """Give feedback (five marks and a ``comment``) about a received order; return its id.

        ``Conflict`` before the order has arrived, and for the second of an order; ``Forbidden`` for its seller.
        """
        order = self._session.execute(_ORDER, {"id": order_id}).first()
        if order is None or buyer_id not in (order.buyer_id, order.seller_id):
            raise NotFound(f"there is no order {order_id} of yours")
        if order.buyer_id != buyer_id:
            raise Forbidden("feedback about an order is its buyer's")
        if not order.received:
            raise Conflict(f"order {order_id} is {order.state}: give feedback once it has arrived")
        row = {"order": order_id, "buyer": buyer_id, "seller": order.seller_id, **marks}
        feedback_id: int | None = self._session.execute(_GIVE, row).scalar_one_or_none()
        if feedback_id is None:
            raise Conflict(f"there is feedback about order {order_id} already")
        self._session.execute(_OPEN_TOTALS, {"seller": order.seller_id})
        self._count(feedback_id, 1)
        told = {"what": f"order {order_id}", "rating": marks["seller_rating"], "product_id": None, "order_id": order_id}
        self._notifications.notify(order.seller_id, "reviews.received", told)
        return feedback_id

    def reply(self, feedback_id: int, seller_id: int, reply: str) -> None:
        """Answer feedback about oneself, or put another answer in place of the first."""
        row = self._session.execute(_REPLY, {"id": feedback_id, "seller": seller_id, "reply": reply}).first()
        if row is None:
            raise NotFound(f"there is no feedback {feedback_id} about you")
        told = {"what": f"order {row.order_id}", "reply": reply[:200]}
        self._notifications.notify(row.buyer_id, "reviews.replied", told)

    def moderate(self, feedback_id: int, actor: str, *, hidden: bool, reason: str) -> None:
        """Hide feedback, which counts for nothing then, or show it again; the audit log says who did and why."""
        feedback = self._session.execute(_LOCK, {"id": feedback_id}).first()
        if feedback is None:
            raise NotFound(f"there is no feedback {feedback_id}")
        self._session.execute(_HIDE, {"id": feedback_id, "hidden": hidden, "reason": reason if hidden else ""})
        if hidden != feedback.hidden:
            self._count(feedback_id, -1 if hidden else 1)
        act = "feedback.hide" if hidden else "feedback.show"
        audit.record(self._session, actor, act, "feedback", feedback_id, reason=reason)

    def ask(self, order_id: int) -> None:
        """Ask the buyer of an order for feedback, once, unless they have given it or have the goods no more."""
        buyer_id = self._session.execute(_ASK, {"id": order_id}).scalar_one_or_none()
        if buyer_id is not None:
            self._notifications.notify(buyer_id, "reviews.feedback_request", {"order_id": order_id})

    def _count(self, feedback_id: int, sign: int) -> None:
        totals = self._session.execute(_COUNT, {"id": feedback_id, "sign": sign}).one()
        stars = average(totals.seller_total, totals.ratings_count)
        self._emit(SellerRated(totals.seller_id, stars, totals.ratings_count))


def feedback_service(_context: Any, request: Any) -> FeedbackService:
    """Return the request's ``FeedbackService``."""
    return FeedbackService(request.db, request.emit, request.find_service(NotificationService))
