"""Reading disputes: sellers see those that touch their orders, with their own part of them alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import NotFound
from marketcore.web.json import present_money, utc

_OWN = """
    SELECT p.order_id, p.amount_minor FROM dispute_parts p JOIN orders o ON o.id = p.order_id
    WHERE p.dispute_id = d.id AND (:admin OR o.seller_id = :user)
"""
_SELECT = f"""
    SELECT d.*, :admin AS whole,
           (SELECT json_agg(json_build_object('order_id', own.order_id, 'minor', own.amount_minor)
                            ORDER BY own.order_id) FROM ({_OWN}) own) AS parts
    FROM disputes d WHERE (:admin OR EXISTS ({_OWN}))
"""
_PAGE = text(
    f"""{_SELECT} AND (CAST(:state AS text) IS NULL OR d.state = :state)
          AND (CAST(:before AS timestamptz) IS NULL OR (d.opened_at, d.id) < (:before, CAST(:before_id AS uuid)))
        ORDER BY d.opened_at DESC, d.id DESC LIMIT :limit"""
)
_ONE = text(f"{_SELECT} AND d.id = :id")


def page_of_disputes(
    session: Any, identity: Any, *, state: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    """Return up to ``limit`` disputes that ``identity`` may see, newest first, older than ``before``."""
    at, dispute_id = before or (None, None)
    position = {"before": at, "before_id": dispute_id, "state": state, "limit": limit}
    return list(session.execute(_PAGE, {**_reader(identity), **position}))


def read_dispute_for(session: Any, dispute_id: UUID, identity: Any) -> Any:
    """Return a dispute for an admin or the seller of one of its orders; ``NotFound`` for anybody else."""
    row = session.execute(_ONE, {**_reader(identity), "id": dispute_id}).first()
    if row is None:
        raise NotFound(f"there is no dispute {dispute_id} of yours")
    return row


def present_dispute(row: Any) -> dict[str, Any]:
    """Return a dispute's document; what concerns others is ``null`` in that of a seller."""
    parts = row.parts or []
    own = row.amount_minor if row.whole else sum(part["minor"] for part in parts)
    return {
        "id": str(row.id),
        "payment_id": str(row.payment_id) if row.whole else None,
        "provider": row.provider if row.whole else None,
        "reference": row.provider_reference if row.whole else None,
        "state": row.state,
        "amount": present_money(own, row.currency),
        "parts": [
            {"order_id": part["order_id"], "amount": present_money(part["minor"], row.currency)} for part in parts
        ],
        "reason": row.reason,
        "due_by": utc(row.due_by),
        "opened_at": utc(row.opened_at),
        "closed_at": utc(row.closed_at),
    }


def _reader(identity: Any) -> dict[str, Any]:
    return {"admin": "admin" in identity.roles, "user": identity.user_id}
