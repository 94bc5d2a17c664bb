"""The reconciler: every attempt that has not ended is asked about until it has, or a person is called."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from zope.sqlalchemy import mark_changed

from marketcore.db.session import perform
from marketcore.payments.asking import ask
from marketcore.payments.rules import CHECK_AFTER, next_check

log = structlog.get_logger(__name__)

# Claiming sets the next question first, so that a reconciler that dies while asking delays nobody for long; the
# lease, longer than any question takes, keeps a second reconciler from asking at the same time.
_CLAIM = text(
    """UPDATE payments p SET checks = checks + 1, lease_until = market_clock() + interval '2 minutes',
              next_check_at = market_clock()
                              + make_interval(secs => coalesce((CAST(:after AS int[]))[p.checks + 1], 86400))
       WHERE id = (SELECT id FROM payments
                   WHERE next_check_at <= (SELECT market_clock())
                     AND (lease_until IS NULL OR lease_until <= (SELECT market_clock()))
                   ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING id, checks"""
)
_ASKED = text("UPDATE payments SET lease_until = NULL WHERE id = :id")
_GIVE_UP = text(
    """UPDATE payments SET next_check_at = NULL, reason = 'needs_review', updated_at = market_clock()
       WHERE id = :id AND state IN ('created','submitting','pending','unknown','authorized')
       RETURNING state, checks"""
)


def reconcile(registry: Any, limit: int = 20) -> int:
    """Ask about every due payment, at most ``limit``; return how many were due."""
    for count in range(limit):
        row = perform(registry, _claim)
        if row is None:
            return count
        ask(registry, row.id, "reconciler")
        perform(registry, _finish, row.id, last=next_check(row.checks - 1) is None)
    return limit


def _claim(request: Any) -> Any:
    row = request.db.execute(_CLAIM, {"after": list(CHECK_AFTER)}).first()
    mark_changed(request.db)
    return row


def _finish(request: Any, payment_id: UUID, *, last: bool) -> None:
    request.db.execute(_ASKED, {"id": payment_id})
    given_up = request.db.execute(_GIVE_UP, {"id": payment_id}).first() if last else None
    mark_changed(request.db)
    if given_up:
        log.error("payment_needs_review", payment_id=str(payment_id), state=given_up.state, checks=given_up.checks)
