"""Housekeeping of the identity room."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.settings import section

_EXPIRED = text(
    """DELETE FROM auth_sessions WHERE id IN (
           SELECT id FROM auth_sessions WHERE expires_at <= market_clock() FOR UPDATE SKIP LOCKED)"""
)
# A used token is kept as long as a session may rest: presented later, it is unknown instead of stolen.
_USED_UP = text("DELETE FROM auth_refresh_tokens WHERE used_at < market_clock() - make_interval(days => :days)")


def forget_expired_sessions(request: Any) -> None:
    """Delete sessions that have expired with their tokens, and tokens used long ago."""
    request.db.execute(_EXPIRED)
    request.db.execute(_USED_UP, {"days": section(request.registry, "identity")["session_days"]})
