"""The addresses that providers are given: unguessable, of one operation alone, and kept only as a hash."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.payments.rules import token_hash
from marketcore.settings import section

_KEEP = text(
    """INSERT INTO provider_callbacks (token_hash, provider, subject, subject_id, question)
       VALUES (:hash, :provider, :subject, :id, :question)"""
)
_FIND = text(
    """SELECT subject, subject_id, question FROM provider_callbacks WHERE token_hash = :hash AND provider = :provider"""
)
_FORGET = text("DELETE FROM provider_callbacks WHERE question AND created_at < market_clock() - interval '30 days'")


def new_callback(request: Any, provider: Any, subject: str, operation_id: UUID, *, question: bool) -> str:
    """Return a new address at which ``provider`` may report on one operation, or answer one ``question`` about it."""
    token = secrets.token_hex(32)  # gateways refuse addresses with certain words; hex has none
    values = {"hash": token_hash(token), "provider": provider.name, "subject": subject, "id": operation_id}
    request.db.execute(_KEEP, {**values, "question": question})
    base = (
        section(request.registry, "payments")["callback_url"] or section(request.registry, "marketcore")["public_url"]
    )
    return f"{base.rstrip('/')}/hooks/{provider.webhook_slug}/{token}"


def addressee(session: Any, provider: str, token: str) -> Any:
    """Return ``(subject, subject_id, question)`` of an address by its token's hash in hexadecimal, or ``None``."""
    return session.execute(_FIND, {"hash": bytes.fromhex(token), "provider": provider}).first()


def forget_questions(request: Any) -> None:
    """Delete the addresses of questions whose answers nobody waits for any more."""
    request.db.execute(_FORGET)
