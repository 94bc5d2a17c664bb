"""Reading complaints: for those who take part in them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import NotFound
from marketcore.web.json import present_money, utc
from marketcore_complaints.rules import Kind, Part, part_of

_SELECT = """
    SELECT c.*, a.username AS complainant_name, b.username AS respondent_name, f.amount_minor AS frozen_minor,
           f.currency
    FROM complaints_complaints c
    JOIN users a ON a.id = c.complainant_id JOIN users b ON b.id = c.respondent_id
    LEFT JOIN order_freezes f ON f.id = c.freeze_id AND f.state = 'open'
"""
_MINE = {
    Part.COMPLAINANT: "c.complainant_id = :user",
    Part.RESPONDENT: "c.respondent_id = :user AND c.user_id IS NULL",
    Part.STAFF: ":user NOT IN (c.complainant_id, c.respondent_id)",
}
_PAGES = {
    part: text(
        f"""{_SELECT} WHERE {mine} AND c.id < :before AND (CAST(:state AS text) IS NULL OR c.state = :state)
            ORDER BY c.id DESC LIMIT :limit"""
    )
    for part, mine in _MINE.items()
}
_ONE = text(f"{_SELECT} WHERE c.id = :id")
_MESSAGE = """SELECT m.id, m.author_id, u.username, m.part, m.body, m.created_at
              FROM complaints_messages m JOIN users u ON u.id = m.author_id"""
_MESSAGES = text(f"{_MESSAGE} WHERE m.complaint_id = :id AND m.id > :after ORDER BY m.id LIMIT :limit")
_ONE_MESSAGE = text(f"{_MESSAGE} WHERE m.id = :id")


def page_of_complaints(
    session: Any, part: Part, user_id: int, *, state: str | None, before: int, limit: int
) -> list[Any]:
    """Return up to ``limit`` complaints in which the user has ``part``, newest first, ids below ``before``."""
    values = {"user": user_id, "state": state, "before": before, "limit": limit}
    return list(session.execute(_PAGES[part], values))


def read_complaint(session: Any, complaint_id: int, identity: Any) -> Any:
    """Return a complaint that ``identity`` takes part in; ``NotFound`` otherwise."""
    row = session.execute(_ONE, {"id": complaint_id}).first()
    if row is None:
        raise NotFound(f"there is no complaint {complaint_id} of yours")
    part_of(row, identity)
    return row


def page_of_messages(session: Any, complaint_id: int, after: int, limit: int) -> list[Any]:
    """Return up to ``limit`` messages of a complaint, oldest first, ids above ``after``."""
    return list(session.execute(_MESSAGES, {"id": complaint_id, "after": after, "limit": limit}))


def read_message(session: Any, message_id: int) -> Any:
    """Return one message; the caller has decided who may."""
    return session.execute(_ONE_MESSAGE, {"id": message_id}).one()


def present_complaint(row: Any, identity: Any) -> dict[str, Any]:
    """Return a complaint's document for one who takes part in it."""
    about = next(kind for kind in Kind if getattr(row, f"{kind}_id") is not None)
    return {
        "id": row.id,
        "about": {"kind": about, "id": getattr(row, f"{about}_id")},
        "part": part_of(row, identity),
        "complainant": {"id": row.complainant_id, "username": row.complainant_name},
        "respondent": {"id": row.respondent_id, "username": row.respondent_name},
        "category": row.category,
        "subject": row.subject,
        "state": row.state,
        "frozen": present_money(row.frozen_minor, row.currency) if row.frozen_minor else None,
        "refund_id": str(row.refund_id) if row.refund_id else None,
        "outcome": row.outcome or None,
        "created_at": utc(row.created_at),
        "ended_at": utc(row.ended_at),
    }


def present_message(row: Any) -> dict[str, Any]:
    """Return a message's document."""
    return {
        "id": row.id,
        "author": {"id": row.author_id, "username": row.username},
        "part": row.part,
        "body": row.body,
        "created_at": utc(row.created_at),
    }
