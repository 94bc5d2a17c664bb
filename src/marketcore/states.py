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
    """The life of one order; ``paid`` means that its money is held in the ledger."""

    CREATED = "created"
    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
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
    _O.PENDING_PAYMENT: frozenset({_O.PAID, _O.CANCELLED, _O.EXPIRED}),
    _O.PAID: frozenset({_O.CONFIRMED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.CONFIRMED: frozenset({_O.PACKED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.PACKED: frozenset({_O.SHIPPED, _O.CANCELLED, _O.REFUNDED, _O.DISPUTED}),
    _O.SHIPPED: frozenset({_O.DELIVERED, _O.REFUNDED, _O.DISPUTED}),
    _O.DELIVERED: frozenset({_O.COMPLETED, _O.REFUNDED, _O.DISPUTED}),
    _O.DISPUTED: frozenset({_O.COMPLETED, _O.REFUNDED}),
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
