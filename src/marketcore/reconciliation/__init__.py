"""Reconciliation: orders, ledger and providers compared every day, and everything that waits for a person."""

from __future__ import annotations

from typing import Any

from marketcore.reconciliation.services import DifferenceService
from marketcore.reconciliation.settings import ReconciliationSettings


def includeme(config: Any) -> None:
    """Add reconciliation to the marketplace."""
    config.add_settings_schema("reconciliation", ReconciliationSettings())
    config.declare_permission("reconciliation.read", "admin")
    config.declare_permission("reconciliation.assign", "admin")
    config.register_service_factory(".services.difference_service", DifferenceService)
    config.add_periodic_job(".jobs.compare_with_providers", every_seconds=86_400)
    config.include(".routes")
    config.scan(".views")
