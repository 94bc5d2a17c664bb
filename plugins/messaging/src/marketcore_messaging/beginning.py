"""How conversations begin: with a person, by their username, or about an order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import Invalid, NotFound
from marketcore_messaging.refusals import NotReachable
from marketcore_messaging.rules import pair
from marketcore_messaging.services import BLOCKED

PERSON = text("SELECT id FROM users WHERE lower(username) = lower(:username)")
_BLOCKED = text(f"SELECT {BLOCKED}")
# Of two who begin at once, one writes the rows; the other waits for that, writes none, and finds them.
_BEGIN = text(
    """WITH begun AS (
           INSERT INTO messaging_conversations (kind, order_id, low_id, high_id, started_by)
           VALUES (:kind, :order, :low, :high, :user) ON CONFLICT DO NOTHING RETURNING id
       ), seats AS (
           INSERT INTO messaging_members (conversation_id, user_id)
           SELECT begun.id, person FROM begun, unnest(ARRAY[CAST(:low AS bigint), CAST(:high AS bigint)]) AS person
       )
       SELECT id FROM begun"""
)
_DIRECT = text("SELECT id FROM messaging_conversations WHERE kind = 'direct' AND low_id = :low AND high_id = :high")
_OF_ORDER = text("SELECT id FROM messaging_conversations WHERE order_id = :order AND :user IN (low_id, high_id)")
_PARTIES = text(
    """SELECT buyer_id, seller_id FROM orders
       WHERE id = :order AND :user IN (buyer_id, seller_id) AND buyer_id <> seller_id"""
)


class BeginningService:
    """Begins conversations for ``user_id``."""

    def __init__(self, session: Any, user_id: int) -> None:
        self._session = session
        self._user = user_id

    def with_person(self, username: str) -> int:
        """Return the id of the one conversation with ``username``, begun if there is none.

        ``NotFound`` for an unknown name, ``Invalid`` for their own, ``NotReachable`` if one has blocked the other.
        """
        other: int | None = self._session.execute(PERSON, {"username": username}).scalar_one_or_none()
        if other is None:
            raise NotFound("there is nobody of this name")
        if other == self._user:
            raise Invalid(errors={"username": "is your own: conversations are between two"})
        if self._session.execute(_BLOCKED, {"user": self._user, "other": other}).scalar_one():
            raise NotReachable("you cannot write to this person")
        low, high = pair(self._user, other)
        values = {"kind": "direct", "order": None, "low": low, "high": high, "user": self._user}
        return self._begin(_DIRECT, values)

    def about_order(self, order_id: int) -> int:
        """Return the id of an order's room, begun on first use by its buyer or seller; ``NotFound`` for others."""
        parties = self._session.execute(_PARTIES, {"order": order_id, "user": self._user}).first()
        if parties is None:
            raise NotFound(f"there is no order {order_id} of yours")
        low, high = pair(*parties)
        values = {"kind": "order", "order": order_id, "low": low, "high": high, "user": self._user}
        return self._begin(_OF_ORDER, values)

    def of_order(self, order_id: int) -> int:
        """Return the id of an order's room; ``NotFound`` while nobody has begun it."""
        found = self._session.execute(_OF_ORDER, {"order": order_id, "user": self._user}).scalar_one_or_none()
        if found is None:
            raise NotFound(f"nobody has written about an order {order_id} of yours")
        conversation_id: int = found
        return conversation_id

    def _begin(self, existing: Any, values: dict[str, Any]) -> int:
        found = self._session.execute(existing, values).scalar_one_or_none()
        if found is None:
            found = self._session.execute(_BEGIN, values).scalar_one_or_none()
        if found is None:
            found = self._session.execute(existing, values).scalar_one()
        conversation_id: int = found
        return conversation_id


def beginning_service(_context: Any, request: Any) -> BeginningService:
    """Return the request's ``BeginningService``."""
    return BeginningService(request.db, request.identity.user_id)
