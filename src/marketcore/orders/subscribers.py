"""What orders do when payments end without money."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.events import PaymentFailed

_ORDERS = text("SELECT id FROM orders WHERE checkout_id = :id AND state = 'pending_payment' ORDER BY id")


def tell_buyers_of_failure(request: Any, event: PaymentFailed) -> None:
    """Tell the watchers of the checkout's orders that another attempt is needed."""
    if event.purpose != "checkout":
        return
    for row in request.db.execute(_ORDERS, {"id": int(event.reference)}):
        data = {"order_id": row.id, "payment_id": str(event.payment_id), "reason": event.reason}
        request.publish(f"order:{row.id}", "order.payment_failed", data)
