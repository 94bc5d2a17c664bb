"""Addresses of confirmations."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN

_PAYMENT = f"/api/v1/payments/{{payment_id:{UUID_PATTERN}}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("payments_manual.confirmation", f"{_PAYMENT}/confirmation")
    config.add_route("payments_manual.rejection", f"{_PAYMENT}/rejection")
