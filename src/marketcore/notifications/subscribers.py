"""What people are told about orders and their accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import OrderStateChanged, UserBlocked, ViolationRecorded
from marketcore.money import Money
from marketcore.notifications.services import NotificationService
from marketcore.states import OrderState

_ORDER = text("SELECT total_minor, currency, carrier, tracking_number FROM orders WHERE id = :id")
_TOLD = {
    OrderState.PAID: (("payment.received", "buyer_id"), ("order.paid", "seller_id")),
    OrderState.SHIPPED: (("order.shipped", "buyer_id"),),
    OrderState.DELIVERED: (("order.delivered", "buyer_id"),),
    OrderState.EXPIRED: (("order.expired", "buyer_id"),),
}


def tell_of_order(request: Any, event: OrderStateChanged) -> None:
    """Tell buyer and seller of the steps that matter to them."""
    told = _TOLD.get(OrderState(event.state), ())
    # A dispute or freeze that ends brings the order back to where it was: that is no news.
    if not told or event.previous == OrderState.DISPUTED:
        return
    order = request.db.execute(_ORDER, {"id": event.order_id}).one()
    data = {
        "order_id": event.order_id,
        "total": str(Money(order.total_minor, order.currency)),
        "carrier": order.carrier,
        "tracking_number": order.tracking_number,
    }
    for type, party in told:
        request.find_service(NotificationService).notify(getattr(event, party), type, data)


def tell_of_block(request: Any, event: UserBlocked) -> None:
    """Tell somebody that their account was blocked, or opened again."""
    type = "account.blocked" if event.blocked else "account.unblocked"
    request.find_service(NotificationService).notify(event.user_id, type, {"reason": event.reason})


def tell_of_violation(request: Any, event: ViolationRecorded) -> None:
    """Tell a buyer that not paying counts."""
    data = {"order_id": event.order_id, "kind": event.kind, "standing": event.standing}
    request.find_service(NotificationService).notify(event.user_id, "violation.recorded", data)
