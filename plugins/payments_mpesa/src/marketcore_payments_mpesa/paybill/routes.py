"""The two addresses Daraja is given for paybill payments; it refuses those with its own name in them."""

from __future__ import annotations

from typing import Any

CONFIRMATION = "/hooks/paybill/{token}/confirmation"
VALIDATION = "/hooks/paybill/{token}/validation"


def includeme(config: Any) -> None:
    """Add the routes; the token is ``payments_mpesa.c2b_secret``."""
    config.add_route("payments_mpesa.confirmation", CONFIRMATION)
    config.add_route("payments_mpesa.validation", VALIDATION)
