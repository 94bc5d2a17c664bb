"""Disputes: what payers' banks contest is set apart until the dispute is won or lost."""

from __future__ import annotations

from typing import Any

from marketcore.disputes.inbox import read_dispute
from marketcore.disputes.services import DisputeService
from marketcore.payments.inbox import READERS


def includeme(config: Any) -> None:
    """Add disputes to the marketplace."""
    config.declare_permission("disputes.dispute.read", {"seller", "admin"})
    config.register_service_factory(".services.dispute_service", DisputeService)
    config.add_live_event("order:{order_id}", "order.dispute", ".schemas.DisputeNews")
    READERS["dispute"] = read_dispute
    config.include(".routes")
    config.scan(".views")
