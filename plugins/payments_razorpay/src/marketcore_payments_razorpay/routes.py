"""Addresses of the pages a payer meets; who knows a payment's token may see its."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN


def includeme(config: Any) -> None:
    """Add the routes."""
    page = f"/pay/razorpay/{{payment_id:{UUID_PATTERN}}}/{{token}}"
    config.add_route("razorpay.pay", page)
    config.add_route("razorpay.back", f"{page}/back")
    config.add_route("razorpay.cancelled", f"{page}/cancelled")
    config.add_route("razorpay.status", f"{page}/status")
