"""Decisions about auctions that are not bids: names shown to others, terms that make sense, retractions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta


def masked(username: str) -> str:
    """Return what others see of a bidder's name: its first and last character."""
    return f"{username[:1]}***{username[-1:]}"


def faults_of_terms(
    start: int,
    reserve: int | None,
    buy_now: int | None,
    starts_at: datetime,
    ends_at: datetime | None,
    longest: timedelta,
) -> dict[str, str]:
    """Return what is wrong with the terms of a new auction, by field."""
    faults = {}
    if reserve is not None and reserve < start:
        faults["reserve"] = "must be at least the starting price"
    if buy_now is not None and buy_now < max(start, reserve or 0):
        faults["buy_now"] = "must be at least the starting price and the reserve price"
    if ends_at is None:
        return faults
    if not starts_at < ends_at:
        faults["ends_at"] = "must be in the future and after starts_at"
    elif ends_at - starts_at > longest:
        faults["ends_at"] = f"an auction may run for {longest.total_seconds() / 60:.0f} minutes at most"
    return faults


def may_retract(now: datetime, ends_at: datetime, hours: int) -> bool:
    """Whether the end is far enough away for a bid to be taken back."""
    return ends_at - now >= timedelta(hours=hours)


def check_increments(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the table if it begins at zero, rises, and its steps are above zero and never fall; else ``ValueError``.

    Where steps fell, a bid that meets the next minimum could raise the price by less than the increment.
    """
    prices, steps = [price for price, _step in pairs], [step for _price, step in pairs]
    if not prices or prices[0] != 0 or prices != sorted(set(prices)) or steps[0] < 1 or steps != sorted(steps):
        raise ValueError(
            "increments begin at price 0, rise, and have steps above zero that never fall, as in '0:1 100:5'"
        )
    return tuple(pairs)
