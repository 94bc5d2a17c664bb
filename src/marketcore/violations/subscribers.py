"""What the steps of orders say about their buyers' word."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import CartAwardEnded, OrderStateChanged
from marketcore.settings import section
from marketcore.states import OrderState
from marketcore.violations.rules import broken, broken_by_award
from marketcore.violations.services import ViolationService

# An order with something won in it binds like one that was awarded, whatever else was in the cart.
_ORIGIN = text(
    """SELECT CASE WHEN EXISTS (SELECT FROM cart_awards a WHERE a.order_id = o.id) THEN 'award' ELSE c.origin END
       FROM orders o JOIN checkouts c ON c.id = o.checkout_id WHERE o.id = :id"""
)
_OVER = (OrderState.EXPIRED, OrderState.CANCELLED)


def judge_step(request: Any, event: OrderStateChanged) -> None:
    """Charge the buyer of an order that ends unpaid; take it back when the money comes after all."""
    if event.previous == OrderState.EXPIRED and event.state == OrderState.PAID:
        request.find_service(ViolationService).withdraw(event.order_id, "paid after all")
    if event.previous != OrderState.PENDING_PAYMENT or event.state not in _OVER:
        return
    origin = request.db.execute(_ORIGIN, {"id": event.order_id}).scalar_one()
    kind = broken(event, origin, for_checkouts=section(request.registry, "violations")["for_checkouts"])
    if kind:
        request.find_service(ViolationService).record(event.buyer_id, event.order_id, kind)


def judge_award(request: Any, event: CartAwardEnded) -> None:
    """Charge whoever has won something and did not order it."""
    kind = broken_by_award(event.outcome)
    if kind:
        request.find_service(ViolationService).record(event.user_id, None, kind, award_id=event.award_id)
