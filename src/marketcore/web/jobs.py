"""Housekeeping of the web room."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

_FORGET = text("DELETE FROM idempotency_keys WHERE created_at < market_clock() - interval '72 hours'")


def forget_old_answers(request: Any) -> None:
    """Delete remembered answers after three days."""
    request.db.execute(_FORGET)
