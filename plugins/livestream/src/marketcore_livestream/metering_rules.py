"""How many slots a stream has begun. Pure."""

from __future__ import annotations

from datetime import timedelta


def slots_begun(elapsed: timedelta, slot: timedelta) -> int:
    """Return how many slots have begun after ``elapsed``: the first at once, the next when one is over.

    A stream that ends at the very end of a slot has not begun another.
    """
    return max(1, -(-elapsed // slot))
