"""Stored calls of providers, for an operator: looked at, and applied again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from marketcore import audit

_FILTER = """(CAST(:status AS text) IS NULL OR status = :status)
         AND (CAST(:provider AS text) IS NULL OR provider = :provider)
         AND (CAST(:since AS timestamptz) IS NULL OR received_at >= :since)"""
_LIST = text(
    f"""SELECT id, provider, status, attempts, dedupe_key, received_at, last_error FROM webhook_inbox
        WHERE {_FILTER} ORDER BY id DESC LIMIT :limit"""
)
_ONE = text("SELECT * FROM webhook_inbox WHERE id = :id")
_REPLAYABLE = text(
    """SELECT id FROM webhook_inbox WHERE body IS NOT NULL
         AND (cardinality(CAST(:ids AS bigint[])) = 0 OR id = ANY(:ids))
         AND (CAST(:provider AS text) IS NULL OR provider = :provider)
         AND (CAST(:since AS timestamptz) IS NULL OR received_at >= :since)
         AND (CAST(:until AS timestamptz) IS NULL OR received_at < :until)
       ORDER BY id"""
)
_AGAIN = text(
    """UPDATE webhook_inbox SET status = 'received', attempts = 0, next_at = market_clock(), done_at = NULL,
              last_error = '' WHERE id = :id AND (lease_until IS NULL OR lease_until < market_clock()) RETURNING id"""
)
_NOT_APPLIED = text("SELECT count(*) FROM webhook_inbox WHERE id = ANY(:ids) AND status NOT IN ('done', 'ignored')")


def stored_calls(
    request: Any, *, status: str | None, provider: str | None, since: datetime | None, limit: int
) -> list[Any]:
    """Return stored calls, newest first."""
    return list(request.db.execute(_LIST, {"status": status, "provider": provider, "since": since, "limit": limit}))


def stored_call(request: Any, call_id: int) -> Any:
    """Return one stored call, or ``None``."""
    return request.db.execute(_ONE, {"id": call_id}).first()


def replayable(
    request: Any, call_ids: Sequence[int], *, since: datetime | None, until: datetime | None, provider: str | None
) -> list[int]:
    """Return the ids of the calls named, or within the range, whose bodies are still known; oldest first."""
    values = {"ids": list(call_ids), "since": since, "until": until, "provider": provider}
    return list(request.db.execute(_REPLAYABLE, values).scalars())


def mark_for_replay(request: Any, call_id: int, actor: str) -> None:
    """Let a stored call be processed again, and write down who wanted that; one in a worker's hands is left there."""
    if request.db.execute(_AGAIN, {"id": call_id}).first() is not None:
        audit.record(request.db, actor, "webhook.replay", "webhook", call_id)


def not_applied(request: Any, call_ids: Sequence[int]) -> int:
    """Return how many of the calls named have not had their effect."""
    count: int = request.db.execute(_NOT_APPLIED, {"ids": list(call_ids)}).scalar_one()
    return count
