"""Payouts: what people have earned, on its way to destinations of theirs, by any number of providers."""

from __future__ import annotations

from typing import Any

from marketcore.payments.inbox import READERS
from marketcore.payments.operations import operations
from marketcore.payouts.destinations import DestinationService, hear_of_destination
from marketcore.payouts.operation import PAYOUTS
from marketcore.payouts.services import PayoutService
from marketcore.payouts.settings import PayoutSettings


def includeme(config: Any) -> None:
    """Add payouts to the marketplace."""
    config.add_settings_schema("payouts", PayoutSettings())
    config.declare_permission("payouts.destination.read", "member")
    config.declare_permission("payouts.destination.change", "member", trade=True)
    config.declare_permission("payouts.payout.read", "member")
    config.declare_permission("payouts.payout.request", "member", trade=True)
    config.declare_permission("payouts.payout.cancel", "member")
    config.declare_permission("payouts.payout.decide", "admin")
    config.register_service_factory(".destinations.destination_service", DestinationService)
    config.register_service_factory(".services.payout_service", PayoutService)
    operations(config.registry)["payout"] = PAYOUTS
    READERS["destination"] = hear_of_destination
    config.add_job(".jobs.submit_payout", attempts=1)
    config.add_job(".jobs.ask_destination")
    config.include(".routes")
    config.scan(".views")
