"""Payments that people confirm: cash on delivery and bank transfer."""

from __future__ import annotations

from typing import Any

from pyramid.config import PHASE3_CONFIG

from marketcore.events import OrderStateChanged, RefundChanged
from marketcore.plugins import Plugin

plugin = Plugin("payments_manual", "Cash on delivery and bank transfer")


def includeme(config: Any) -> None:
    """Add the providers ``cash_on_delivery`` and ``bank_transfer``, and how people confirm them."""
    from marketcore_payments_manual.providers import BankTransfer, CashOnDelivery
    from marketcore_payments_manual.services import ConfirmationService
    from marketcore_payments_manual.settings import ManualSettings, check_bank_account
    from marketcore_payments_manual.settlement import CashSettlement

    settings = config.add_settings_schema("payments_manual", ManualSettings())
    config.declare_permission("payments_manual.payment.decide", {"seller", "admin"})
    config.register_service_factory(".services.confirmation_service", ConfirmationService)
    config.register_service_factory(".settlement.cash_settlement", CashSettlement)
    config.add_payment_provider("cash_on_delivery", CashOnDelivery(settings))
    config.add_payment_provider("bank_transfer", BankTransfer(settings))
    config.add_event_subscriber(".subscribers.end_promise", OrderStateChanged)
    config.add_event_subscriber(".subscribers.settle_cash", OrderStateChanged)
    config.add_event_subscriber(".subscribers.count_cash_handed_back", RefundChanged)
    config.include(".routes")
    config.scan(".views")
    config.action(
        ("payments_manual", "bank account"), check_bank_account, args=(config.registry,), order=PHASE3_CONFIG + 101
    )
