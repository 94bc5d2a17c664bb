"""Invoices of orders and credit notes of refunds, numbered without gaps, as PDF."""

from __future__ import annotations

from typing import Any

from marketcore.events import OrderStateChanged, PaymentCaptured, RefundChanged
from marketcore.plugins import Plugin
from marketcore_invoices.services import IssuingService, PrintingService
from marketcore_invoices.settings import InvoiceSettings

plugin = Plugin("invoices", "Invoices and credit notes")


def includeme(config: Any) -> None:
    """Say what this plugin adds."""
    config.add_settings_schema("invoices", InvoiceSettings())
    config.add_migrations("invoices", "marketcore_invoices:migrations")
    config.declare_permission("invoices.document.read", "member")
    config.register_service_factory(".services.issuing_service", IssuingService)
    config.register_service_factory(".services.printing_service", PrintingService)
    config.add_event_subscriber(".subscribers.note_order", OrderStateChanged)
    config.add_event_subscriber(".subscribers.note_payment", PaymentCaptured)
    config.add_event_subscriber(".subscribers.note_refund", RefundChanged)
    config.add_job(".jobs.make_pdf")
    config.add_periodic_job(".jobs.issue_missing", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
