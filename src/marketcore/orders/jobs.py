"""Deadlines of orders."""

from __future__ import annotations

from typing import Any

from marketcore.orders.awards import CartAwards
from marketcore.orders.services import OrderService


def expire_unpaid(request: Any) -> None:
    """Expire orders that were not paid in time; their stock returns."""
    request.find_service(OrderService).expire_overdue()


def lapse_awards(request: Any) -> None:
    """Take what was won and not bought in time out of carts again; its stock returns."""
    request.find_service(CartAwards).lapse_overdue()


def release_delivered(request: Any) -> None:
    """Release the money of orders that were delivered some days ago without an objection."""
    request.find_service(OrderService).release_delivered()
