"""Paying for a checkout."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import Conflict, NotFound
from marketcore.money import Money
from marketcore.orders.services import OrderService

_DUE = text(
    """SELECT c.buyer_id, c.currency, c.total_minor, c.expires_at > market_clock() AS in_time,
              (SELECT bool_and(o.state = 'pending_payment') FROM orders o WHERE o.checkout_id = c.id) AS payable,
              (SELECT string_agg(DISTINCT o.state, ', ') FROM orders o WHERE o.checkout_id = c.id) AS states
       FROM checkouts c WHERE c.id = :id"""
)


class CheckoutPurpose:
    """A payment for ``checkout``/``<checkout id>``: the whole total, once, before the deadline."""

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return the checkout's total."""
        row = request.db.execute(_DUE, {"id": int(reference)}).first() if _is_key(reference) else None
        if row is None or row.buyer_id != user_id:
            raise NotFound(f"there is no checkout {reference} of yours")
        if not (row.in_time and row.payable):
            raise Conflict(f"checkout {reference} cannot be paid: its orders are {row.states}")
        return Money(row.total_minor, row.currency)

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: Any) -> bool:
        """Let the money stand for the checkout's orders."""
        paid: bool = request.find_service(OrderService).pay(int(reference), payment_id, clearing)
        return paid


def _is_key(reference: str) -> bool:
    return reference.isascii() and reference.isdigit() and len(reference) <= 18


checkout_purpose = CheckoutPurpose()
