"""Rows as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marketcore.media.private import present_private
from marketcore.web.json import present_money, utc


def advertisement_fields(row: Any) -> dict[str, Any]:
    """Return the part of an advertisement's document that changes."""
    money = {
        name: present_money(getattr(row, f"{name}_minor"), row.currency)
        for name in ("budget", "free", "released", "returned")
    }
    return {
        **money,
        "state": row.state,
        "contested": row.contested,
        "applications": row.applications,
        "accepted": row.accepted,
        "funded_at": utc(row.funded_at),
        "ends_at": utc(row.ends_at),
        "ended_at": utc(row.ended_at),
    }


def present_advertisement(row: Any) -> dict[str, Any]:
    """Return an advertisement's document."""
    return {
        "id": row.id,
        "owner_id": row.owner_id,
        "owner": row.owner_name,
        "title": row.title,
        "description": row.description,
        "days": row.days,
        "created_at": utc(row.created_at),
        **advertisement_fields(row),
    }


def present_application(row: Any) -> dict[str, Any]:
    """Return an application as lists show it."""
    accepted = row.share_minor is not None
    return {
        "id": row.id,
        "advertisement_id": row.advertisement_id,
        "title": row.title,
        "applicant_id": row.applicant_id,
        "applicant": row.applicant_name,
        "message": row.message,
        "state": row.state,
        "share": present_money(row.share_minor, row.currency) if accepted else None,
        "released": present_money(row.released_minor, row.currency) if accepted else None,
        "fee": present_money(row.fee_minor, row.currency) if accepted else None,
        "commission_bp": row.commission_bp,
        "due_at": utc(row.due_at),
        "disputed_by": row.disputed_by,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def present_proof(row: Any, image_address: str) -> dict[str, Any]:
    """Return a proof's document; ``image_address`` is where its image is served, if it is one."""
    return {
        "id": row.id,
        "link": row.link,
        "image": present_private(ProofImage(row), image_address) if row.media_id else None,
        "note": row.note,
        "state": row.state,
        "reason": row.reason,
        "created_at": utc(row.created_at),
        "answered_at": utc(row.answered_at),
    }


class ProofImage:
    """The private file of a proof's row."""

    def __init__(self, row: Any) -> None:
        self.id, self.state, self.variants = row.media_id, row.media_state, row.variants
        self.content_type, self.size_bytes = row.content_type, row.size_bytes


def present_whole(row: Any, proofs: Sequence[dict[str, Any]], steps: Sequence[Any]) -> dict[str, Any]:
    """Return an application with its proofs and its history."""
    history = [
        {
            "previous": step.previous,
            "state": step.state,
            "actor_id": step.actor_id,
            "note": step.note,
            "at": utc(step.at),
        }
        for step in steps
    ]
    return {**present_application(row), "proofs": list(proofs), "history": history}
