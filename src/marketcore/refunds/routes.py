"""Addresses of refunds."""

from __future__ import annotations

from typing import Any

from marketcore.orders.routes import ID
from marketcore.web.openapi import UUID_PATTERN


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("refunds.order", f"/api/v1/orders/{{order_id:{ID}}}/refunds")
    config.add_route("refunds.refund", f"/api/v1/refunds/{{refund_id:{UUID_PATTERN}}}")
    config.add_route("refunds.retry", f"/api/v1/refunds/{{refund_id:{UUID_PATTERN}}}/retries")
    config.add_route("refunds.confirmation", f"/api/v1/refunds/{{refund_id:{UUID_PATTERN}}}/confirmation")
    config.add_route("refunds.set_aside", f"/api/v1/payments/{{payment_id:{UUID_PATTERN}}}/set-aside")
