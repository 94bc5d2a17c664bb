"""Card payments, refunds, disputes and payouts to sellers through Stripe."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("payments_stripe", "Stripe: Checkout, refunds, disputes, Connect payouts")


def includeme(config: Any) -> None:
    """Add the provider ``stripe``, which both collects and pays out."""
    from marketcore.settings import section
    from marketcore_payments_stripe.provider import build_provider
    from marketcore_payments_stripe.settings import StripeSettings

    settings = config.add_settings_schema("payments_stripe", StripeSettings())
    provider = build_provider(settings, section(config.registry, "marketcore")["environment"])
    config.add_payment_provider("stripe", provider)
    config.add_payout_provider("stripe", provider)
