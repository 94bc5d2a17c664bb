"""What auctions do when the orders of their winners move."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import CartAwardEnded, OrderStateChanged
from marketcore.states import OrderState
from marketcore_auctions.services import AuctionService

_IS_AWARD = text("SELECT 1 FROM auctions_awards WHERE order_id = :id")
_IS_HELD = text("SELECT 1 FROM auctions_awards WHERE cart_award_id = :id")
_UNPAID = (OrderState.PENDING_PAYMENT, OrderState.EXPIRED)
_FINAL = (OrderState.PAID, OrderState.CONFIRMED)
_ENDED = (OrderState.EXPIRED, OrderState.CANCELLED)


def settle_award(request: Any, event: OrderStateChanged) -> None:
    """A paid award is final at once; an unpaid one goes on in a job, which takes its locks in the usual order."""
    if event.previous not in _UNPAID or event.state not in (*_FINAL, *_ENDED):
        return
    if request.db.execute(_IS_AWARD, {"id": event.order_id}).first() is None:
        return
    if event.state in _FINAL:
        request.find_service(AuctionService).settle_paid(event.order_id)
    else:
        request.enqueue("auctions.settle_unpaid", order_id=event.order_id)


def settle_held(request: Any, event: CartAwardEnded) -> None:
    """A lot in a cart is ordered, or goes on in a job, which takes its locks in the usual order."""
    if request.db.execute(_IS_HELD, {"id": event.award_id}).first() is None:
        return
    if event.order_id is not None:
        request.find_service(AuctionService).note_ordered(event.award_id, event.order_id)
    else:
        request.enqueue("auctions.settle_unordered", cart_award_id=event.award_id)
