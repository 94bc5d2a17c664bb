"""Amounts, times and spans in words, as the pages print them; the scripts in ``static`` say the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_THOUSANDS = re.compile(r"(?<=[0-9])(?=(?:[0-9]{3})+$)")


def money(document: Mapping[str, str]) -> str:
    """Return ``KES 1,850.00`` for ``{"amount": "1850.00", "currency": "KES"}``."""
    units, dot, fraction = document["amount"].partition(".")
    return f"{document['currency']} {_THOUSANDS.sub(',', units)}{dot}{fraction}"


def moment(text: str) -> str:
    """Return ``21 Nov, 12:40 UTC`` for an RFC 3339 time."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b, %H:%M} UTC"


def clock_time(text: str, today: str = "") -> str:
    """Return ``21 Nov, 12:40:07`` (UTC) for an RFC 3339 time, and ``12:40:07`` where that is the day of ``today``."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    if today and datetime.fromisoformat(today).astimezone(UTC).date() == at.date():
        return f"{at:%H:%M:%S}"
    return f"{at.day} {at:%b, %H:%M:%S}"


def span(since: str, until: str) -> str:
    """Return how long it is from ``since`` to ``until``: ``2 d 4 h``, ``3 h 12 min`` or ``12:05`` (minutes)."""
    seconds = max(0, round((datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes}:{seconds % 60:02d}"


def duration(seconds: int) -> str:
    """Return ``90 seconds``, ``2 minutes`` or ``1 hour``, in the largest unit that fits exactly."""
    for size, one, many in ((3600, "hour", "hours"), (60, "minute", "minutes")):
        if seconds % size == 0 and seconds:
            return count(seconds // size, one, many)
    return count(seconds, "second", "seconds")


def count(number: int, one: str, many: str) -> str:
    """Return ``1 bid``, ``2 bids``, ``no bids``."""
    return f"{number or 'no'} {one if number == 1 else many}"


FILTERS = {function.__name__: function for function in (money, moment, clock_time, span, count)}
