"""What a provider's word means for a payout, and who may do what about one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from marketcore.exceptions import Forbidden, IllegalTransition
from marketcore.interfaces import Outcome
from marketcore.money import Money
from marketcore.states import PayoutState

MAX_DESTINATIONS = 10
SOURCES = ("earnings", "wallet")
_Y = PayoutState
STATE_OF: Mapping[Outcome, PayoutState] = {
    Outcome.SUCCEEDED: _Y.PAID,
    Outcome.PENDING: _Y.SENT,
    Outcome.AUTHORIZED: _Y.SENT,
    Outcome.NEEDS_ACTION: _Y.SENT,
    Outcome.DECLINED: _Y.FAILED,
    Outcome.EXPIRED: _Y.FAILED,
    Outcome.RETURNED: _Y.RETURNED,
    Outcome.NOT_ATTEMPTED: _Y.APPROVED,
    Outcome.UNKNOWN: _Y.UNKNOWN,
}
# Money of these has gone back to the payee's account: should it have left all the same, it is taken from there.
RELEASED = frozenset({_Y.FAILED, _Y.REJECTED})


def decided(state: str, payee_id: int, admin_id: int, *, approve: bool) -> PayoutState:
    """Return what an admin's decision makes of a payout; ``Forbidden`` about one's own, ``IllegalTransition`` else.

    What was handed over is its provider's to decide, although it may become ``approved`` once more.
    """
    if payee_id == admin_id:
        raise Forbidden("nobody decides about a payout of their own: another admin has to")
    if state not in ({_Y.REQUESTED} if approve else {_Y.REQUESTED, _Y.APPROVED}):
        raise IllegalTransition(f"a payout that is {state} cannot be decided about like this", current=state)
    return _Y.APPROVED if approve else _Y.REJECTED


def cancelled(state: str) -> PayoutState:
    """Return what a payee's second thoughts make of a payout: they count until it has been approved."""
    if state != _Y.REQUESTED:
        raise IllegalTransition(f"a payout that is {state} cannot be cancelled any more", current=state)
    return _Y.REJECTED


def too_little(amount: Money, minimum: Mapping[str, int]) -> str | None:
    """Say that ``amount`` is below the marketplace's minimum (minor units by currency), or ``None``."""
    least = minimum.get(amount.currency, 1)
    return f"is less than the smallest payout, {Money(least, amount.currency)}" if amount.minor < least else None


def needs_nobody(amount: Money, auto_approve: Mapping[str, int]) -> bool:
    """Whether ``amount`` leaves without an admin's approval (minor units by currency)."""
    return amount.minor <= auto_approve.get(amount.currency, 0)
