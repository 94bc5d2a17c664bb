"""Money as Razorpay writes it: whole minor units, those of three-decimal currencies ending in 0. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from marketcore.money import Money, exponent
from marketcore_payments_razorpay.errors import NotAttempted

#: One rupee, the least that an order, a refund or a payout may be of.
LOWEST_INR = 100


def step(currency: str) -> int:
    """Return the number of minor units that amounts of `currency` must be multiples of."""
    return 10 if exponent(currency) == 3 else 1


def written(amount: Money) -> int:
    """Return the amount as it is sent; raise NotAttempted for one that Razorpay cannot express."""
    if amount.minor <= 0 or amount.minor % step(amount.currency):
        least = Money(step(amount.currency), amount.currency)
        raise NotAttempted("inexpressible_amount", f"{amount} is not a positive multiple of {least}")
    return amount.minor


def read(entity: Mapping[str, object], name: str = "amount") -> Money | None:
    """Return the member `name` of an entity as money; None when it or the currency is missing or makes no sense."""
    minor, currency = entity.get(name), entity.get("currency")
    if type(minor) is not int or not isinstance(currency, str):
        return None
    try:
        return Money(minor, currency)
    except ValueError:
        return None
