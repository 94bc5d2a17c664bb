"""Housekeeping of the identity room, and letters whose reader nobody may know to have an account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.identity.recovery import RecoveryService
from marketcore.settings import section

_EXPIRED = text(
    """DELETE FROM auth_sessions WHERE id IN (
           SELECT id FROM auth_sessions WHERE expires_at <= market_clock() FOR UPDATE SKIP LOCKED)"""
)
# A used token is kept as long as a session may rest: presented later, it is unknown instead of stolen.
_USED_UP = text("DELETE FROM auth_refresh_tokens WHERE used_at < market_clock() - make_interval(days => :days)")
# Those of the last hour are counted even where they were good for less.
_OLD_PROOFS = text("DELETE FROM email_tokens WHERE expires_at < market_clock() - interval '1 day'")


def send_password_reset(request: Any, email: str) -> None:
    """Write the letter that lets its reader set a new password, if ``email`` has an account."""
    request.find_service(RecoveryService).send_reset(email)


def forget_expired_sessions(request: Any) -> None:
    """Delete sessions that have expired with their tokens, tokens used long ago and proofs that are too old."""
    request.db.execute(_EXPIRED)
    request.db.execute(_OLD_PROOFS)
    request.db.execute(_USED_UP, {"days": section(request.registry, "identity")["session_days"]})
