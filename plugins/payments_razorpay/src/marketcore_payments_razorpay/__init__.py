"""Razorpay payments by the hosted checkout, and RazorpayX payouts."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("payments_razorpay", "Razorpay: hosted checkout, refunds, payouts")


def includeme(config: Any) -> None:
    """Add the provider ``razorpay``, the pages on the way to its checkout and, with an account for it, payouts."""
    from marketcore.settings import section
    from marketcore_payments_razorpay.pages import Pages
    from marketcore_payments_razorpay.services import VisitService
    from marketcore_payments_razorpay.settings import RazorpaySettings, build_provider

    settings = config.add_settings_schema("payments_razorpay", RazorpaySettings())
    core = section(config.registry, "marketcore")
    pages = Pages(lambda: core["public_url"], config.registry["secrets"].derive("razorpay payer pages"))
    provider = build_provider(settings, pages, core["environment"])
    config.add_payment_provider("razorpay", provider)
    if settings["payout_account"]:
        config.add_payout_provider("razorpay", provider)
    config.register_service_factory(".services.visit_service", VisitService)
    config.include(".routes")
    config.scan(".views")
