"""Payouts and destinations as providers see them."""

from __future__ import annotations

from typing import Any

from marketcore.interfaces import Destination, PayoutAttempt
from marketcore.money import Money

SELECT = """
    SELECT p.*, d.details, d.provider_reference AS destination_reference, u.email
    FROM payouts p JOIN payout_destinations d ON d.id = p.destination_id JOIN users u ON u.id = p.user_id
    WHERE p.id = :id
"""


def payout_attempt(row: Any, callback_url: str = "") -> PayoutAttempt:
    """Return a row of ``SELECT`` as providers see it."""
    destination = Destination(
        id=row.destination_id,
        user_id=row.user_id,
        email=row.email,
        details=row.details,
        reference=row.destination_reference,
    )
    return PayoutAttempt(
        id=row.id,
        code=row.code,
        amount=Money(row.amount_minor, row.currency),
        destination=destination,
        callback_url=callback_url,
        reference=row.provider_reference,
        created_at=row.created_at,
        receipt=row.provider_receipt,
    )
