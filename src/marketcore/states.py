"""The state machines, as data: who may become what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from marketcore.exceptions import IllegalTransition

S = TypeVar("S", bound=StrEnum)


def step(table: Mapping[S, frozenset[S]], current: S, target: S) -> S:
    """Return ``target`` if ``table`` lets ``current`` become it, else raise ``IllegalTransition``."""
    if target not in table.get(current, frozenset()):
        raise IllegalTransition(f"{current} cannot become {target}", current=str(current), target=str(target))
    return target


class OrderState(StrEnum):
    """The life of one order; ``paid`` means that its money is held in the ledger.

    Goods are ``confirmed``, ``packed``, ``shipped`` and ``delivered``; work that nobody ships is ``processing``.
    """

    CREATED = "created"
    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    PROCESSING = "processing"
    CONFIRMED = "confirmed"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


_O = OrderState
ORDER_TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    _O.CREATED: frozenset({_O.PENDING_PAYMENT, _O.CANCELLED}),
    # ``confirmed`` without being paid: the cash comes with the delivery.
    _O.PENDING_PAYMENT: frozenset({_O.PAID, _O.CONFIRMED, _O.CANCELLED, _O.EXPIRED}),
    _O.PAID: frozenset({_O.PROCESSING, _O.CONFIRMED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.PROCESSING: frozenset({_O.COMPLETED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.CONFIRMED: frozenset({_O.PACKED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.PACKED: frozenset({_O.SHIPPED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    # ``cancelled``: whoever was to pay on delivery did not, and the goods come back.
    _O.SHIPPED: frozenset({_O.DELIVERED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.DELIVERED: frozenset({_O.COMPLETED, _O.REFUNDED, _O.DISPUTED}),
    # A dispute ends where it found the order, or with the buyer's money back.
    _O.DISPUTED: frozenset(
        {_O.PAID, _O.PROCESSING, _O.CONFIRMED, _O.PACKED, _O.SHIPPED, _O.DELIVERED, _O.COMPLETED, _O.REFUNDED}
    ),
    _O.COMPLETED: frozenset({_O.REFUNDED, _O.DISPUTED}),
    # Money that arrives after the deadline may still find its goods in stock.
    _O.EXPIRED: frozenset({_O.PAID}),
}


class PaymentState(StrEnum):
    """The life of one attempt to collect one amount through one provider."""

    CREATED = "created"
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    FAILED = "failed"
    EXPIRED = "expired"
    VOIDED = "voided"


_P = PaymentState
_OUTCOMES = frozenset({_P.AUTHORIZED, _P.CAPTURED, _P.FAILED, _P.EXPIRED})
PAYMENT_TRANSITIONS: Mapping[PaymentState, frozenset[PaymentState]] = {
    _P.CREATED: frozenset({_P.SUBMITTING, _P.FAILED}),
    _P.SUBMITTING: _OUTCOMES | {_P.PENDING, _P.UNKNOWN},
    _P.PENDING: _OUTCOMES | {_P.UNKNOWN, _P.VOIDED},
    _P.UNKNOWN: _OUTCOMES | {_P.PENDING, _P.VOIDED},
    _P.AUTHORIZED: frozenset({_P.CAPTURED, _P.VOIDED, _P.FAILED}),
    # A provider may report success after everybody gave up: late money is real money.
    _P.FAILED: frozenset({_P.AUTHORIZED, _P.CAPTURED}),
    _P.EXPIRED: frozenset({_P.AUTHORIZED, _P.CAPTURED}),
    _P.VOIDED: frozenset({_P.CAPTURED}),
}
PAYMENT_OPEN = frozenset({_P.CREATED, _P.SUBMITTING, _P.PENDING, _P.UNKNOWN, _P.AUTHORIZED})


class RefundState(StrEnum):
    """The life of one refund; from ``requested`` on its money stands on ``refund_due`` until it has left."""

    REQUESTED = "requested"
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    BY_HAND = "by_hand"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_R = RefundState
_REFUND_OUTCOMES = frozenset({_R.SUCCEEDED, _R.FAILED})
REFUND_TRANSITIONS: Mapping[RefundState, frozenset[RefundState]] = {
    _R.REQUESTED: _REFUND_OUTCOMES | {_R.SUBMITTING, _R.BY_HAND},
    # Back to ``requested``: the provider provably did nothing, so the same attempt may be handed over again.
    _R.SUBMITTING: _REFUND_OUTCOMES | {_R.PENDING, _R.UNKNOWN, _R.REQUESTED},
    _R.PENDING: _REFUND_OUTCOMES | {_R.UNKNOWN},
    _R.UNKNOWN: _REFUND_OUTCOMES | {_R.PENDING, _R.REQUESTED},
    _R.BY_HAND: _REFUND_OUTCOMES,
    # Providers report refunds as done and take it back, and the other way round.
    _R.SUCCEEDED: frozenset({_R.FAILED}),
    _R.FAILED: frozenset({_R.SUCCEEDED}),
}
REFUND_OPEN = frozenset({_R.REQUESTED, _R.SUBMITTING, _R.PENDING, _R.UNKNOWN})


class DisputeState(StrEnum):
    """The life of one dispute, seen from the platform's side: a dispute that was won leaves the money where it was."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


_D = DisputeState
DISPUTE_TRANSITIONS: Mapping[DisputeState, frozenset[DisputeState]] = {_D.OPEN: frozenset({_D.WON, _D.LOST})}


class PayoutState(StrEnum):
    """The life of one payout; until ``paid`` its money is reserved on the payee's account."""

    REQUESTED = "requested"
    APPROVED = "approved"
    SUBMITTING = "submitting"
    SENT = "sent"
    UNKNOWN = "unknown"
    PAID = "paid"
    FAILED = "failed"
    REJECTED = "rejected"
    RETURNED = "returned"


_Y = PayoutState
_PAYOUT_OUTCOMES = frozenset({_Y.PAID, _Y.FAILED})
PAYOUT_TRANSITIONS: Mapping[PayoutState, frozenset[PayoutState]] = {
    _Y.REQUESTED: frozenset({_Y.APPROVED, _Y.REJECTED}),
    _Y.APPROVED: frozenset({_Y.SUBMITTING, _Y.REJECTED}),
    # Back to ``approved``: the provider knows nothing of it, so the same attempt may be handed over again.
    _Y.SUBMITTING: _PAYOUT_OUTCOMES | {_Y.SENT, _Y.UNKNOWN, _Y.APPROVED},
    _Y.SENT: _PAYOUT_OUTCOMES | {_Y.UNKNOWN},
    _Y.UNKNOWN: _PAYOUT_OUTCOMES | {_Y.SENT, _Y.APPROVED},
    _Y.PAID: frozenset({_Y.RETURNED}),
    # Money that left after all is booked as gone, whoever has to stand for it.
    _Y.FAILED: frozenset({_Y.PAID}),
    _Y.REJECTED: frozenset({_Y.PAID}),
}
PAYOUT_OPEN = frozenset({_Y.APPROVED, _Y.SUBMITTING, _Y.SENT, _Y.UNKNOWN})
