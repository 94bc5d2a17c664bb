"""Whose services somebody manages, and what an order of one needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore.money import Money
from marketcore_services.refusals import BelowMinimum

WORDS = frozenset({"name", "description"})


def managed_by(identity: Any) -> int | None:
    """Return the vendor whose services ``identity`` manages; ``None`` for an admin, who manages all."""
    return None if "admin" in identity.roles else identity.user_id


def check_minimum(price: Money, minimums: Mapping[str, int]) -> None:
    """Raise ``BelowMinimum`` if ``price`` is less than the minimum of its currency."""
    least = minimums.get(price.currency, 0)
    if price.minor < least:
        minimum = Money(least, price.currency)
        raise BelowMinimum(
            f"{price} is less than {minimum}, the least that is ordered at once",
            minimum={"amount": minimum.amount, "currency": minimum.currency},
        )


def title_of(service: str, variant: str) -> str:
    """Return what an order calls a variant."""
    return f"{service}: {variant}"
