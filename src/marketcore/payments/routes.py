"""Addresses of payments and of providers' calls."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN


def includeme(config: Any) -> None:
    """Add the routes. Providers' own names stay out of callback addresses: some gateways refuse them."""
    config.add_route("payments.payments", "/api/v1/payments")
    config.add_route("payments.options", "/api/v1/payments/options")
    config.add_route("payments.payment", f"/api/v1/payments/{{payment_id:{UUID_PATTERN}}}")
    config.add_route("payments.hook", "/hooks/{slug}")
    config.add_route("payments.hook.token", "/hooks/{slug}/{token}")
