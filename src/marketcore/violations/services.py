"""Violations: recorded once for each order, counted, pardoned; too many block the buyer's account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore import audit
from marketcore.events import ViolationRecorded
from marketcore.exceptions import NotFound
from marketcore.identity.services import IdentityService
from marketcore.settings import section
from marketcore.violations import rules

RULE = "violations"
_NAMED_IN_REASON = 8
# Whoever counts somebody's violations holds their account first: nobody else adds or pardons one meanwhile.
_LOCK_USER = text("SELECT blocked_at IS NOT NULL AS blocked, blocked_for FROM users WHERE id = :user FOR NO KEY UPDATE")
_RECORD = text(
    """INSERT INTO violations (user_id, order_id, award_id, kind) VALUES (:user, :order, :award, :kind)
       ON CONFLICT DO NOTHING RETURNING id"""
)
_STANDING = text(
    """SELECT v.order_id, a.listing_id, v.kind, count(*) OVER () AS standing
       FROM violations v LEFT JOIN cart_awards a ON a.id = v.award_id
       WHERE v.user_id = :user AND v.pardoned_at IS NULL ORDER BY v.id DESC LIMIT :named"""
)
_COUNT = text("SELECT count(*) FROM violations WHERE user_id = :user AND pardoned_at IS NULL")
_PARDON = text(
    """UPDATE violations SET pardoned_at = market_clock(), pardoned_by = :by, note = :note
       WHERE id = :id AND pardoned_at IS NULL RETURNING order_id"""
)
_OF_ORDER = text("SELECT id, user_id FROM violations WHERE order_id = :order AND pardoned_at IS NULL")
_COLUMNS = """SELECT v.id, v.user_id, u.username, v.order_id, a.listing_id, v.kind, v.created_at, v.pardoned_at,
                     v.pardoned_by, v.note
              FROM violations v JOIN users u ON u.id = v.user_id LEFT JOIN cart_awards a ON a.id = v.award_id"""
_ONE = text(f"{_COLUMNS} WHERE v.id = :id")
_ALL = text(f"{_COLUMNS} WHERE v.id < :before ORDER BY v.id DESC LIMIT :limit")
_OF_USER = text(f"{_COLUMNS} WHERE v.user_id = :user AND v.id < :before ORDER BY v.id DESC LIMIT :limit")


class ViolationService:
    """Charges buyers, counts and pardons."""

    def __init__(self, session: Session, identity: IdentityService, emit: Callable[[Any], None], limit: int) -> None:
        self._session = session
        self._identity = identity
        self._emit = emit
        self._limit = limit

    def record(self, user_id: int, order_id: int | None, kind: str, *, award_id: int | None = None) -> bool:
        """Charge a buyer with the violation of an order, or of a ``CartAward``; block them if that is one too many.

        ``kind`` is one of ``rules.Kind`` or a short name of the caller's. ``False``, and nothing has changed, if the
        order or award has been charged before, pardoned or not.
        """
        account = self._lock(user_id)
        wanted = {"user": user_id, "order": order_id, "award": award_id, "kind": kind}
        if self._session.execute(_RECORD, wanted).scalar() is None:
            return False
        latest = self._session.execute(_STANDING, {"user": user_id, "named": _NAMED_IN_REASON}).all()
        standing = latest[0].standing
        self._emit(ViolationRecorded(user_id, order_id, kind, standing, latest[0].listing_id))
        if rules.is_reached(self._limit, standing) and not account.blocked:
            reason = rules.reason(standing, [(_about(row), row.kind) for row in latest])
            self._identity.block(user_id, reason, by=None, rule=RULE)
        return True

    def pardon(self, violation_id: int, by: int, note: str) -> Any:
        """Let a violation count no more and return its row; a second pardon changes nothing.

        A block that violations caused ends when they are no longer too many; any other block stays.
        """
        row = self._read(violation_id)
        if self._forgive(row.id, row.user_id, by, note):
            about = {"order": row.order_id} if row.order_id else {"listing": row.listing_id}
            detail = {"user": row.user_id, **about, "note": note}
            audit.record(self._session, f"user:{by}", "violation.pardon", "violation", violation_id, **detail)
        return self._read(violation_id)

    def withdraw(self, order_id: int, note: str) -> None:
        """Take back what an order's buyer was charged with, if anything: they have kept their word after all."""
        row = self._session.execute(_OF_ORDER, {"order": order_id}).first()
        if row is not None:
            self._forgive(row.id, row.user_id, None, note)

    def standing(self, user_id: int) -> int:
        """Return how many violations count against a user."""
        count: int = self._session.execute(_COUNT, {"user": user_id}).scalar_one()
        return count

    @property
    def limit(self) -> int:
        """How many block an account; 0 for never."""
        return self._limit

    def page(self, user_id: int | None, before: int, limit: int) -> Sequence[Any]:
        """Return up to ``limit`` violations with ids below ``before``, of a user or of everybody, newest first."""
        statement = _ALL if user_id is None else _OF_USER
        return self._session.execute(statement, {"user": user_id, "before": before, "limit": limit}).all()

    def _forgive(self, violation_id: int, user_id: int, by: int | None, note: str) -> bool:
        account = self._lock(user_id)
        if self._session.execute(_PARDON, {"id": violation_id, "by": by, "note": note}).first() is None:
            return False
        if account.blocked_for == RULE and not rules.is_reached(self._limit, self.standing(user_id)):
            self._identity.unblock(user_id)
        return True

    def _lock(self, user_id: int) -> Any:
        account = self._session.execute(_LOCK_USER, {"user": user_id}).first()
        if account is None:
            raise NotFound(f"there is no account {user_id}")
        return account

    def _read(self, violation_id: int) -> Any:
        row = self._session.execute(_ONE, {"id": violation_id}).first()
        if row is None:
            raise NotFound(f"there is no violation {violation_id}")
        return row


def _about(row: Any) -> str:
    return f"order {row.order_id}" if row.order_id else f"listing {row.listing_id}"


def violation_service(_context: Any, request: Any) -> ViolationService:
    """Return the request's ``ViolationService``."""
    limit = section(request.registry, "violations")["limit"]
    return ViolationService(request.db, request.find_service(IdentityService), request.emit, limit)
