"""Escrow: advertisements whose budget is held until the work is proved."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("escrow", "Escrow: advertisements, held budgets, proofs, disputes", optional=("wallet", "webhooks"))


def includeme(config: Any) -> None:
    """Add advertisements, the payment purpose of their budgets, and what the clock does to them."""
    from marketcore_escrow.applications import ApplicationService
    from marketcore_escrow.checks import CHECKS
    from marketcore_escrow.contests import ContestService
    from marketcore_escrow.desk import Desk
    from marketcore_escrow.proofs import ProofService
    from marketcore_escrow.reading import EscrowReader
    from marketcore_escrow.services import AdvertisementService
    from marketcore_escrow.settings import EscrowSettings

    config.add_settings_schema("escrow", EscrowSettings())
    config.add_migrations("escrow", "marketcore_escrow:migrations")
    config.declare_permission("escrow.advertisement.write", "seller", trade=True)
    config.declare_permission("escrow.application.write", "member", trade=True)
    config.declare_permission("escrow.application.read", "member")
    config.declare_permission("escrow.dispute.decide", "admin")
    config.register_service_factory(".desk.desk", Desk)
    config.register_service_factory(".services.advertisement_service", AdvertisementService)
    config.register_service_factory(".applications.application_service", ApplicationService)
    config.register_service_factory(".proofs.proof_service", ProofService)
    config.register_service_factory(".contests.contest_service", ContestService)
    config.register_service_factory(".reading.escrow_reader", EscrowReader)
    config.add_payment_purpose("advertisement", ".purposes.advertisement_purpose")
    config.add_periodic_job(".jobs.settle_due", every_seconds=10)
    for name, sql in CHECKS.items():
        config.add_ledger_check(name, sql)
    config.include(".channels")
    config.include(".notices")
    config.include(".routes")
    config.scan(".views")
    config.scan(".proof_views")
    if hasattr(config, "add_webhook_type"):
        config.include(".messages")
