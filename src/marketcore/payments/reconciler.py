"""The reconciler: every attempt that has not ended is asked about until it has, or a person is called."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from zope.sqlalchemy import mark_changed

from marketcore.db.session import perform
from marketcore.payments.asking import ask
from marketcore.payments.rules import CHECK_AFTER

log = structlog.get_logger(__name__)

# Claiming sets the next question first, so that a reconciler that dies while asking delays nobody for long.
_CLAIM = text(
    """UPDATE payments p SET checks = checks + 1,
              next_check_at = market_clock() + make_interval(secs => (CAST(:after AS int[]))[p.checks + 1])
       WHERE id IN (SELECT id FROM payments WHERE next_check_at <= market_clock()
                    ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED)
       RETURNING id, checks, next_check_at"""
)
_GIVE_UP = text(
    "UPDATE payments SET next_check_at = NULL, reason = 'needs_review', updated_at = market_clock() WHERE id = :id"
)


def reconcile(registry: Any, limit: int = 20) -> int:
    """Ask about every due payment, at most ``limit``; return how many were due."""
    claimed = perform(registry, _claim, limit)
    for row in claimed:
        state = ask(registry, row.id, "reconciler")
        if row.next_check_at is None:
            log.error("payment_needs_review", payment_id=str(row.id), state=str(state), checks=row.checks)
            perform(registry, _give_up, row.id)
    return len(claimed)


def _claim(request: Any, limit: int) -> list[Any]:
    rows = list(request.db.execute(_CLAIM, {"limit": limit, "after": list(CHECK_AFTER)}))
    mark_changed(request.db)
    return rows


def _give_up(request: Any, payment_id: UUID) -> None:
    request.db.execute(_GIVE_UP, {"id": payment_id})
    mark_changed(request.db)
