"""The channel of each person, for what concerns them alone."""

from __future__ import annotations

from typing import Any


def may_hear_user(request: Any, user_id: int) -> bool:
    """Only the person."""
    return bool(request.authenticated_userid == user_id)
