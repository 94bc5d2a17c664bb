"""What a provider's word means for a payment, when to ask again, and who may serve. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from marketcore.interfaces import Capabilities, Outcome
from marketcore.money import Money
from marketcore.states import PaymentState

_S = PaymentState
STATE_OF: Mapping[Outcome, PaymentState] = {
    Outcome.SUCCEEDED: _S.CAPTURED,
    Outcome.AUTHORIZED: _S.AUTHORIZED,
    Outcome.PENDING: _S.PENDING,
    Outcome.NEEDS_ACTION: _S.PENDING,
    Outcome.DECLINED: _S.FAILED,
    Outcome.NOT_ATTEMPTED: _S.FAILED,
    Outcome.EXPIRED: _S.EXPIRED,
    Outcome.RETURNED: _S.UNKNOWN,  # money that comes *in* is not returned: that would be a refund or a dispute
    Outcome.UNKNOWN: _S.UNKNOWN,
}
# Seconds between questions about an attempt that has not ended; short first, because a prompt on a telephone lives
# for about a minute, then as payment systems with a long memory do.
CHECK_AFTER: Sequence[int] = (5, 10, 20, 40, 60, 120, 300, 900, 3600, *[86_400] * 5)
MAX_DEFERRALS = 10


def next_check(checks: int) -> int | None:
    """Return after how many seconds to ask again after ``checks`` questions; ``None``: a person has to look."""
    return CHECK_AFTER[checks] if checks < len(CHECK_AFTER) else None


def webhook_backoff(attempts: int) -> int | None:
    """Return after how many seconds to process a failed event again; ``None``: it is dead."""
    return min(10 * 2 ** (attempts - 1), 21_600) if attempts < MAX_DEFERRALS else None


def refusal(capabilities: Capabilities, amount: Money, country: str | None = None) -> str | None:
    """Say why a provider cannot move ``amount`` for somebody in ``country``, or ``None`` if it can."""
    if amount.currency not in capabilities.currencies:
        return f"does not take {amount.currency}"
    step = capabilities.currencies[amount.currency]
    if amount.minor % step:
        return f"takes {amount.currency} only in multiples of {Money(step, amount.currency).amount}"
    low, high = capabilities.minimum.get(amount.currency, 1), capabilities.maximum.get(amount.currency)
    if amount.minor < low:
        return f"takes at least {Money(low, amount.currency)}"
    if high is not None and amount.minor > high:
        return f"takes at most {Money(high, amount.currency)}"
    if country and capabilities.countries is not None and country not in capabilities.countries:
        return f"does not serve {country}"
    return None


def candidates(routes: Mapping[str, Sequence[str]], currency: str, country: str | None = None) -> Sequence[str]:
    """Return the providers that serve ``currency`` in ``country``, best first; the closest route decides."""
    for route in (f"{currency}-{country}", currency, f"*-{country}", "*"):
        if routes.get(route):
            return routes[route]
    return ()


def token_hash(token: str) -> bytes:
    """Return what is stored of a callback token."""
    return hashlib.sha256(token.encode()).digest()
