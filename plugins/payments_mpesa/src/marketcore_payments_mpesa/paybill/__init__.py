"""Paybill payments (C2B): made from the phone's own menu, naming an attempt's code as the account."""

from __future__ import annotations

from typing import Any

from marketcore_payments_mpesa.paybill.services import PaybillService


def includeme(config: Any) -> None:
    """Take confirmations of paybill payments."""
    config.register_service_factory(".services.paybill_service", PaybillService)
    config.add_job(".jobs.apply_paybill_payment", attempts=10)
    config.add_periodic_job(".jobs.register_paybill", every_seconds=86_400, attempts=10)
    config.include(".routes")
    config.scan(".views")
