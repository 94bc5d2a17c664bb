"""What deliveries lead to."""

from __future__ import annotations

from typing import Any

from marketcore.events import OrderStateChanged
from marketcore.settings import section
from marketcore.states import OrderState

# Goods that arrive, and work that is done. A dispute that brings an order back to where it was is neither.
_RECEIVED = {(OrderState.SHIPPED, OrderState.DELIVERED), (OrderState.PROCESSING, OrderState.COMPLETED)}


def ask_later(request: Any, event: OrderStateChanged) -> None:
    """Let the buyer of an order that has just been carried out be asked for feedback some time later."""
    if (event.previous, event.state) in _RECEIVED:
        delay = 3600 * section(request.registry, "reviews")["request_hours"]
        request.enqueue("reviews.request_feedback", order_id=event.order_id, delay_seconds=delay)
