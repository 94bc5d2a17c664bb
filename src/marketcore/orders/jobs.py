"""Deadlines of orders."""

from __future__ import annotations

from typing import Any

from marketcore.orders.services import OrderService


def expire_unpaid(request: Any) -> None:
    """Expire orders that were not paid in time; their stock returns."""
    request.find_service(OrderService).expire_overdue()


def release_delivered(request: Any) -> None:
    """Release the money of orders that were delivered some days ago without an objection."""
    request.find_service(OrderService).release_delivered()
