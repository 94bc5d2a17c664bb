"""What may be owed a document is noted when it happens, and issued together at the very end of its transaction.

So a seller's series is locked for as short as can be, after every order and ledger account, and those of several
sellers in one order. A state that a savepoint takes back is owed nothing: what counts is how the rows stand then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import OrderStateChanged, PaymentCaptured, RefundChanged
from marketcore.states import OrderState, RefundState
from marketcore_invoices.services import IssuingService

_NOTES = object()
_OF_CHECKOUT = text("SELECT id FROM orders WHERE checkout_id = :id")


def note_order(request: Any, event: OrderStateChanged) -> None:
    """Let an order that has been paid have its invoice, at the latest when it is completed."""
    if event.state in (OrderState.PAID, OrderState.COMPLETED):
        _notes(request).add(event.order_id)


def note_payment(request: Any, event: PaymentCaptured) -> None:
    """Let orders have their invoices that were carried out before their money came (cash on delivery)."""
    if event.purpose == "checkout":
        _notes(request).update(request.db.scalars(_OF_CHECKOUT, {"id": int(event.reference)}))


def note_refund(request: Any, event: RefundChanged) -> None:
    """Let a refund of an order that has gone through have its credit note."""
    if event.state == RefundState.SUCCEEDED and event.order_id is not None:
        _notes(request).add(event.order_id)


def _notes(request: Any) -> set[int]:
    transaction = request.tm.get()
    try:
        notes: set[int] | None = transaction.data(_NOTES)
    except KeyError:
        notes = None
    if notes is None:
        notes = set()
        transaction.set_data(_NOTES, notes)
        transaction.addBeforeCommitHook(_issue, args=(request, transaction))
    return notes


def _issue(request: Any, transaction: Any) -> None:
    orders = transaction.data(_NOTES)
    transaction.set_data(_NOTES, None)
    request.find_service(IssuingService).issue(orders)
