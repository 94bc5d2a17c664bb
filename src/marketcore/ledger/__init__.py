"""The ledger: every movement of money, in double entry."""

from __future__ import annotations

from typing import Any

from marketcore.ledger.services import LedgerService
from marketcore.ledger.verify import CHECKS


def includeme(config: Any) -> None:
    """Add the ledger's service and its periodic work."""
    config.declare_permission("ledger.balance.read", "member")
    config.register_service_factory(".services.ledger_service", LedgerService)
    config.add_periodic_job(".jobs.void_expired_holds", every_seconds=5)
    config.add_periodic_job(".jobs.void_overlooked_holds", every_seconds=3600)
    config.add_periodic_job(".jobs.roll_deltas", every_seconds=10)
    for check in CHECKS:
        config.add_ledger_check(check.name, check.sql)
    config.include(".routes")
    config.scan(".views")
