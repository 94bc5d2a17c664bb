"""Decisions about auctions that are not bids: names shown to others, terms that make sense, retractions. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def masked(username: str) -> str:
    """Return what others see of a bidder's name: its first and last character."""
    return f"{username[:1]}***{username[-1:]}"


def faults_of_terms(
    start: int, reserve: int | None, buy_now: int | None, starts_at: datetime, ends_at: datetime, longest: timedelta
) -> dict[str, str]:
    """Return what is wrong with the terms of a new auction, by field."""
    faults = {}
    if reserve is not None and reserve < start:
        faults["reserve"] = "must be at least the starting price"
    if buy_now is not None and buy_now < max(start, reserve or 0):
        faults["buy_now"] = "must be at least the starting price and the reserve price"
    if not starts_at < ends_at:
        faults["ends_at"] = "must be in the future and after starts_at"
    elif ends_at - starts_at > longest:
        faults["ends_at"] = f"an auction may run for {longest.total_seconds() / 60:.0f} minutes at most"
    return faults


def may_retract(now: datetime, ends_at: datetime, hours: int) -> bool:
    """Whether the end is far enough away for a bid to be taken back."""
    return ends_at - now >= timedelta(hours=hours)
