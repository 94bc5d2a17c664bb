"""Addresses of payouts and of where they go."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN


def includeme(config: Any) -> None:
    """Add the routes."""
    destination = f"/api/v1/payout-destinations/{{destination_id:{UUID_PATTERN}}}"
    config.add_route("payouts.destinations", "/api/v1/payout-destinations")
    config.add_route("payouts.destination", destination)
    config.add_route("payouts.destination.link", f"{destination}/link")
    payout = f"/api/v1/payouts/{{payout_id:{UUID_PATTERN}}}"
    config.add_route("payouts.payouts", "/api/v1/payouts")
    config.add_route("payouts.payout", payout)
    config.add_route("payouts.decision", f"{payout}/decision")
    config.add_route("payouts.cancellation", f"{payout}/cancellation")
    config.add_route("payouts.balances", "/api/v1/balances")
