"""What deliveries lead to."""

from __future__ import annotations

from typing import Any

from marketcore.events import OrderStateChanged
from marketcore.settings import section
from marketcore.states import OrderState


def ask_later(request: Any, event: OrderStateChanged) -> None:
    """Let the buyer of an order that has just arrived be asked for feedback some time later."""
    if (event.previous, event.state) == (OrderState.SHIPPED, OrderState.DELIVERED):
        delay = 3600 * section(request.registry, "reviews")["request_hours"]
        request.enqueue("reviews.request_feedback", order_id=event.order_id, delay_seconds=delay)
