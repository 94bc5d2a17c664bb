"""Credits: what a seller's streams are paid with, in rows that are only ever added.

Whoever changes a balance holds the account's row lock, and the database refuses one below zero. What a cause has
brought about once, it cannot bring about again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from marketcore import audit
from marketcore.exceptions import Conflict, NotFound
from marketcore_livestream.events import CreditsChanged

LARGEST = 1_000_000
_OPEN = text("INSERT INTO livestream_credit_accounts (seller_id) VALUES (:seller) ON CONFLICT DO NOTHING")
_LOCK = text("SELECT balance FROM livestream_credit_accounts WHERE seller_id = :seller FOR UPDATE")
_BALANCE = text("SELECT balance FROM livestream_credit_accounts WHERE seller_id = :seller")
_KNOWN = text("SELECT 1 FROM livestream_credit_entries WHERE kind = :kind AND cause = :cause")
_WRITE = text(
    """WITH moved AS (
         UPDATE livestream_credit_accounts SET balance = balance + :change WHERE seller_id = :seller
         RETURNING seller_id, balance)
       INSERT INTO livestream_credit_entries
         (seller_id, kind, change, balance, cause, stream_id, slot, by_id, note)
       SELECT seller_id, :kind, :change, balance, :cause, :stream, :slot, :by, :note FROM moved
       RETURNING balance"""
)
_HISTORY = text(
    """SELECT id, kind, change, balance, stream_id, slot, note, at FROM livestream_credit_entries
       WHERE seller_id = :seller AND id < :before ORDER BY id DESC LIMIT :limit"""
)
_SELLER = text("SELECT 1 FROM users WHERE id = :id AND 'seller' = ANY(roles)")


class NoCredits(Conflict):
    """A stream costs a credit, and its seller has none."""

    code, title = "no-credits", "There is no credit left"


class CreditService:
    """Gives credits and takes them."""

    def __init__(self, session: Any, emit: Callable[[Any], None]) -> None:
        self._session = session
        self._emit = emit

    def balance(self, seller_id: int) -> int:
        """Return how many credits a seller has."""
        return self._session.execute(_BALANCE, {"seller": seller_id}).scalar() or 0

    def history(self, seller_id: int, before: int, limit: int) -> list[Any]:
        """Return a seller's entries, newest first, with ids below ``before``."""
        return list(self._session.execute(_HISTORY, {"seller": seller_id, "before": before, "limit": limit}))

    def lock(self, seller_id: int) -> int:
        """Lock a seller's account, which is opened if there is none, and return its balance."""
        self._session.execute(_OPEN, {"seller": seller_id})
        balance: int = self._session.execute(_LOCK, {"seller": seller_id}).scalar_one()
        return balance

    def change(self, seller_id: int, kind: str, change: int, cause: object, **more: Any) -> bool:
        """Add ``change`` credits for ``cause``; ``False``, and nothing has changed, if it has done so before.

        ``NoCredits`` if they are not there, ``Conflict`` where nobody can have so many.
        """
        balance = self.lock(seller_id)
        if self._session.execute(_KNOWN, {"kind": kind, "cause": str(cause)}).first() is not None:
            return False
        if balance + change < 0:
            raise NoCredits(f"there are {balance} credits: {-change} are needed", balance=balance)
        if balance + change > LARGEST:
            raise Conflict(f"nobody has more than {LARGEST} credits")
        row = {"seller": seller_id, "kind": kind, "change": change, "cause": str(cause)}
        rest = {"stream": None, "slot": None, "by": None, "note": "", **more}
        balance = self._session.execute(_WRITE, {**row, **rest}).scalar_one()
        self._emit(CreditsChanged(seller_id, kind, change, balance))
        return True

    def welcome(self, seller_id: int, credits: int) -> None:
        """Give a seller who was verified their free credits, once in their life."""
        if credits:
            self.change(seller_id, "welcome", credits, seller_id, note="verified")

    def grant(self, seller_id: int, credits: int, note: str, by: int) -> None:
        """Give a seller credits as an admin, who says why; ``NotFound`` without such a seller."""
        if self._session.execute(_SELLER, {"id": seller_id}).first() is None:
            raise NotFound(f"there is no seller {seller_id}")
        self.change(seller_id, "grant", credits, uuid4(), by=by, note=note)
        audit.record(self._session, f"user:{by}", "credits.grant", "user", seller_id, credits=credits, note=note)

    def take_slot(self, seller_id: int, stream_id: int, slot: int) -> bool:
        """Charge one slot of a stream, once; ``NoCredits``."""
        return self.change(seller_id, "slot", -1, f"{stream_id}/{slot}", stream=stream_id, slot=slot)

    def take_back(self, seller_id: int, kind: str, credits: int, cause: UUID) -> int:
        """Take as many of ``credits`` away as are there, for ``cause``; return how many."""
        taken = min(credits, self.lock(seller_id))
        if taken:
            self.change(seller_id, kind, -taken, cause)
        return taken


def credit_service(_context: Any, request: Any) -> CreditService:
    """Return the request's ``CreditService``."""
    return CreditService(request.db, request.emit)
