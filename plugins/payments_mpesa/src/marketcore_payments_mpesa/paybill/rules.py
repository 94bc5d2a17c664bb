"""Which paybill payments are let through, where Daraja asks before the money moves. Pure."""

from __future__ import annotations

from marketcore.money import Money
from marketcore.states import PaymentState

UNKNOWN_ACCOUNT, WRONG_AMOUNT, NOT_DUE = "C2B00012", "C2B00013", "C2B00016"
# Late money is taken: what has failed or expired may still be paid.
_PAYABLE = frozenset(
    {
        PaymentState.SUBMITTING,
        PaymentState.PENDING,
        PaymentState.UNKNOWN,
        PaymentState.FAILED,
        PaymentState.EXPIRED,
    }
)


def objection(state: PaymentState | None, asked: Money | None, offered: Money | None) -> str | None:
    """Return Daraja's code for what speaks against a payment of ``offered``; ``None``: nothing.

    ``state`` and ``asked`` are of the attempt whose code was named, ``None`` where nobody knows that code.
    """
    if state is None or asked is None:
        return UNKNOWN_ACCOUNT
    if state not in _PAYABLE:
        return NOT_DUE
    return None if offered == asked else WRONG_AMOUNT
