"""Housekeeping of logins on their way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

_FORGET = text("DELETE FROM social_login_flows WHERE expires_at < market_clock() - interval '1 hour'")


def forget_old_flows(request: Any) -> None:
    """Delete logins that are over, whether they were finished or not."""
    request.db.execute(_FORGET)
