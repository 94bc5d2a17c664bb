"""Refunds: in full or in part, by the way the money came, to the wallet or by hand, with states of their own."""

from __future__ import annotations

from typing import Any

from marketcore.events import MoneySetAside
from marketcore.payments.operations import operations
from marketcore.refunds.operation import REFUNDS
from marketcore.refunds.services import RefundService


def includeme(config: Any) -> None:
    """Add refunds to the marketplace."""
    config.declare_permission("refunds.refund.request", {"seller", "admin"})
    config.declare_permission("refunds.refund.decide", "admin")
    config.register_service_factory(".services.refund_service", RefundService)
    operations(config.registry)["refund"] = REFUNDS
    config.add_live_event("order:{order_id}", "order.refund", ".schemas.RefundNews")
    config.add_job(".jobs.submit_refund", attempts=1)
    config.add_event_subscriber(".subscribers.return_late_money", MoneySetAside)
    config.include(".routes")
    config.scan(".views")
