"""What people with power have done: one row per act, written in the act's own transaction and never changed."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text

_RECORD = text(
    """INSERT INTO audit_log (actor, act, subject, subject_id, detail)
       VALUES (:actor, :act, :subject, :subject_id, CAST(:detail AS jsonb))"""
)


def record(session: Any, actor: str, act: str, subject: str, subject_id: object, **detail: Any) -> None:
    """Write that ``actor`` (``user:7``, ``cli:name``) did ``act`` to ``subject``/``subject_id``.

    ``detail`` holds plain values that say what was decided, never a secret.
    """
    row = {"actor": actor, "act": act, "subject": subject, "subject_id": str(subject_id)}
    session.execute(_RECORD, {**row, "detail": json.dumps(detail, default=str)})


def actor_of(identity: Any) -> str:
    """Return how a request's identity is written in the log."""
    return f"user:{identity.user_id}"


def includeme(_config: Any) -> None:
    """Add nothing but the table: acts are recorded by the rooms they happen in."""
