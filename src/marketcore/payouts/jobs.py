"""Payouts outside requests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketcore.jobs.binding import outside_transaction
from marketcore.payouts.destinations import enroll
from marketcore.payouts.operation import PAYOUTS


@outside_transaction
def submit_payout(registry: Any, payout_id: str) -> None:
    """Hand an approved payout to its provider, unless that has happened."""
    PAYOUTS.hand_over(registry, UUID(payout_id))


@outside_transaction
def ask_destination(registry: Any, destination_id: str) -> None:
    """Ask a provider how it stands with a destination."""
    enroll(registry, UUID(destination_id))
