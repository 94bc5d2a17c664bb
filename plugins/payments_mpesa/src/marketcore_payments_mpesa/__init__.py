"""M-Pesa payments, payouts and refunds through Safaricom's Daraja gateway."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("payments_mpesa", "M-Pesa (Daraja): STK push, paybill, B2C payouts, reversals")


def includeme(config: Any) -> None:
    """Add the provider ``mpesa``, for payouts too where an initiator is set."""
    from marketcore.settings import section
    from marketcore_payments_mpesa.back_office import MpesaBackOffice
    from marketcore_payments_mpesa.building import build_provider
    from marketcore_payments_mpesa.settings import MpesaSettings, check_host

    settings = config.add_settings_schema("payments_mpesa", MpesaSettings())
    core = section(config.registry, "marketcore")
    check_host(settings["base_url"], core["environment"])
    provider = build_provider(settings, section(config.registry, "payments")["callback_url"] or core["public_url"])
    config.add_payment_provider("mpesa", provider)
    if isinstance(provider, MpesaBackOffice):
        config.add_payout_provider("mpesa", provider)
    if settings["c2b"]:
        config.include(".paybill")
