"""What is owed a document is noted when it happens, and issued together at the very end of its transaction.

So a seller's series is locked for as short as can be, after every order and ledger account, and those of several
sellers in one order. A state that a savepoint takes back is owed nothing: what counts is how the rows stand then.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.events import OrderStateChanged, RefundChanged
from marketcore.states import OrderState
from marketcore_invoices.services import IssuingService, Refund

_NOTES = object()


class _Notes:
    """The orders and refunds of one transaction that may be owed a document."""

    def __init__(self) -> None:
        self.orders: set[int] = set()
        self.refunds: dict[UUID, Refund] = {}


def note_order(request: Any, event: OrderStateChanged) -> None:
    """Let an order that has been paid, or completed without (cash on delivery), have its invoice."""
    if event.state in (OrderState.PAID, OrderState.COMPLETED):
        _notes(request).orders.add(event.order_id)


def note_refund(request: Any, event: RefundChanged) -> None:
    """Let a refund of an order that has gone through have its credit note."""
    if event.state == "succeeded" and event.order_id is not None:
        _notes(request).refunds[event.refund_id] = Refund(event.refund_id, event.order_id, event.amount)


def _notes(request: Any) -> _Notes:
    transaction = request.tm.get()
    try:
        notes: _Notes | None = transaction.data(_NOTES)
    except KeyError:
        notes = None
    if notes is None:
        notes = _Notes()
        transaction.set_data(_NOTES, notes)
        transaction.addBeforeCommitHook(_issue, args=(request, transaction))
    return notes


def _issue(request: Any, transaction: Any) -> None:
    notes = transaction.data(_NOTES)
    transaction.set_data(_NOTES, None)
    request.find_service(IssuingService).issue(notes.orders, list(notes.refunds.values()))
