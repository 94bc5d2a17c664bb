"""M-Pesa payments through Safaricom's Daraja gateway."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("payments_mpesa", "M-Pesa (Daraja): STK push")


def includeme(config: Any) -> None:
    """Add the provider ``mpesa``."""
    from marketcore_payments_mpesa.provider import build_provider
    from marketcore_payments_mpesa.settings import MpesaSettings

    settings = config.add_settings_schema("payments_mpesa", MpesaSettings())
    config.add_payment_provider("mpesa", build_provider(settings))
