"""The reconciler: every operation that has not ended is asked about until it has, or a person is called."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.payments.operations import Operation, operations
from marketcore.payments.rules import CHECK_AFTER, next_check

log = structlog.get_logger(__name__)


def reconcile(registry: Any, limit: int = 20) -> int:
    """Ask about every due operation, at most ``limit`` of each kind; return how many were due."""
    return sum(_reconcile(registry, operation, limit) for operation in operations(registry).values())


def _reconcile(registry: Any, operation: Operation, limit: int) -> int:
    for count in range(limit):
        row = perform(registry, _claim, operation)
        if row is None:
            return count
        try:
            operation.ask(registry, row.id, "reconciler")
        except Exception:
            log.exception("question_failed", subject=operation.subject, id=str(row.id))
        perform(registry, _finish, operation, row.id, last=next_check(row.checks - 1) is None)
    return limit


@cache
def _statements(table: str, note: str) -> Mapping[str, Any]:
    return {
        # Claiming sets the next question first, so that a reconciler that dies while asking delays nobody for long;
        # the lease, longer than any question takes, keeps a second reconciler from asking at the same time.
        "claim": text(
            f"""UPDATE {table} p SET checks = checks + 1, lease_until = market_clock() + interval '2 minutes',
                       next_check_at = market_clock()
                                       + make_interval(secs => coalesce((CAST(:after AS int[]))[p.checks + 1], 86400))
                WHERE id = (SELECT id FROM {table}
                            WHERE next_check_at <= (SELECT market_clock())
                              AND (lease_until IS NULL OR lease_until <= (SELECT market_clock()))
                            ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                RETURNING id, checks"""
        ),
        "asked": text(f"UPDATE {table} SET lease_until = NULL WHERE id = :id"),
        "give_up": text(
            f"""UPDATE {table} SET next_check_at = NULL, {note} = 'needs_review', updated_at = market_clock()
                WHERE id = :id AND next_check_at IS NOT NULL RETURNING state, checks"""
        ),
    }


def _claim(request: Any, operation: Operation) -> Any:
    statement = _statements(operation.table, operation.note)["claim"]
    return request.db.execute(statement, {"after": list(CHECK_AFTER)}).first()


def _finish(request: Any, operation: Operation, operation_id: UUID, *, last: bool) -> None:
    statements = _statements(operation.table, operation.note)
    request.db.execute(statements["asked"], {"id": operation_id})
    given_up = request.db.execute(statements["give_up"], {"id": operation_id}).first() if last else None
    if given_up:
        subject, state = operation.subject, given_up.state
        log.error("operation_needs_review", subject=subject, id=str(operation_id), state=state, checks=given_up.checks)
