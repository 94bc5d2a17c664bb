"""Refunds as providers see them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.interfaces import PaymentAttempt, RefundAttempt
from marketcore.money import Money

SELECT = """
    SELECT r.*, p.code AS payment_code, coalesce(p.received_minor, p.amount_minor) AS payment_minor, p.payer,
           p.provider_reference AS payment_reference, p.provider_receipt AS payment_receipt, p.user_id,
           p.created_at AS paid_at, p.expires_at, market_clock() AS now
    FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = :id
"""
_WHOLE = text(SELECT)


def read_whole(session: Any, refund_id: UUID) -> Any:
    """Return a refund's row with what it refunds."""
    return session.execute(_WHOLE, {"id": refund_id}).one()


def refund_attempt(row: Any, callback_url: str = "") -> RefundAttempt:
    """Return a row of ``SELECT`` as providers see it."""
    payment = PaymentAttempt(
        id=row.payment_id,
        code=row.payment_code,
        amount=Money(row.payment_minor, row.currency),
        payer=row.payer,
        callback_url="",
        return_url="",
        reference=row.payment_reference,
        created_at=row.paid_at,
        expires_at=row.expires_at,
        receipt=row.payment_receipt,
        user_id=row.user_id,
        asked_at=row.now,
    )
    return RefundAttempt(
        id=row.id,
        code=row.code,
        amount=Money(row.amount_minor, row.currency),
        payment=payment,
        callback_url=callback_url,
        reference=row.provider_reference,
        created_at=row.created_at,
        receipt=row.provider_receipt,
    )
