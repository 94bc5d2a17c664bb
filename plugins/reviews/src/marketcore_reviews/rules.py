"""What may be said by whom and until when, and what it comes to. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketcore.exceptions import Conflict

MARKS = ("seller_rating", "platform_rating", "communication", "shipping", "accuracy")


def average(total: int, count: int) -> int:
    """Return the average of ``count`` ratings with ``total`` stars in hundredths of a star, rounded; 0 for none."""
    return (100 * total + count // 2) // count if count else 0


def check_window(written: datetime, now: datetime, days: int) -> None:
    """Raise ``Conflict`` if what was ``written`` then may not be changed any more."""
    if now >= written + timedelta(days=days):
        raise Conflict(f"a review can be changed for {days} days, and this one is older")
