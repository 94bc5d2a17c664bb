"""Facts about ways to log in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SocialLoginChanged:
    """An account at ``provider`` opens this user's account from now on, or not any more (``linked`` false)."""

    user_id: int
    provider: str
    linked: bool
