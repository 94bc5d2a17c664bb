"""Payments: providers behind one contract, attempts with a state, an inbox for what providers say."""

from __future__ import annotations

from typing import Any

from pyramid.config import PHASE3_CONFIG

from marketcore.payments.asking import PaymentOperation
from marketcore.payments.inbox import InboxService
from marketcore.payments.operations import operations
from marketcore.payments.routing import check_routes
from marketcore.payments.services import PaymentService
from marketcore.payments.settings import PaymentSettings


def includeme(config: Any) -> None:
    """Add payments to the marketplace."""
    config.add_settings_schema("payments", PaymentSettings())
    config.declare_permission("payments.payment.start", "member", trade=True)
    config.declare_permission("payments.payment.read", "member")
    config.register_service_factory(".services.payment_service", PaymentService)
    config.register_service_factory(".inbox.inbox_service", InboxService)
    operations(config.registry)["payment"] = PaymentOperation()
    config.add_job(".jobs.process_webhook", attempts=1)
    config.add_periodic_job(".jobs.sweep_webhooks", every_seconds=5)
    config.add_periodic_job(".jobs.reconcile", every_seconds=2)
    config.add_periodic_job(".jobs.forget_webhook_bodies", every_seconds=86_400)
    config.include(".routes")
    config.scan(".views")
    config.scan(".webhooks")
    config.action(("marketcore", "payment routes"), check_routes, args=(config,), order=PHASE3_CONFIG + 100)
