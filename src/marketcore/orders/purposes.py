"""Paying for a checkout."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.interfaces import RefundOrder
from marketcore.ledger.accounts import AccountRef
from marketcore.money import Money
from marketcore.orders.contesting import ContestedOrders
from marketcore.orders.services import OrderService

_DUE = text(
    """SELECT c.buyer_id, c.currency, c.expires_at > market_clock() AS in_time, c.ship_to ->> 'country' AS country,
              (SELECT sum(o.total_minor) FROM orders o WHERE o.checkout_id = c.id AND o.state = 'pending_payment')
                AS due_minor,
              (SELECT string_agg(DISTINCT o.state, ', ') FROM orders o WHERE o.checkout_id = c.id) AS states
       FROM checkouts c WHERE c.id = :id"""
)


class CheckoutPurpose:
    """A payment for ``checkout``/``<checkout id>``: all its orders that await payment, once, before the deadline."""

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return what the checkout's unpaid orders cost together."""
        row = _checkout(request, reference)
        if row is None or row.buyer_id != user_id:
            raise NotFound(f"there is no checkout {reference} of yours")
        if not (row.in_time and row.due_minor):
            raise Conflict(f"checkout {reference} cannot be paid: its orders are {row.states}")
        return Money(int(row.due_minor), row.currency)

    def country(self, request: Any, reference: str) -> str | None:
        """Return the country that the goods go to."""
        row = _checkout(request, reference)
        return row.country if row else None

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: Any) -> bool:
        """Let the money stand for the checkout's orders."""
        paid: bool = request.find_service(OrderService).pay(int(reference), payment_id, amount, clearing)
        return paid

    def authorized(self, request: Any, reference: str, payment_id: UUID, _provider: str) -> bool:
        """Let the checkout's only order be carried out before it is paid."""
        promised: bool = request.find_service(OrderService).promise(int(reference), payment_id)
        return promised

    def given_back(self, request: Any, refund: RefundOrder, to: AccountRef) -> int:
        """Take a refund's money from the order it is for."""
        if refund.order_id is None:
            raise Invalid(errors={"order_id": "say which order of the checkout is refunded"})
        orders = request.find_service(OrderService)
        given: int = orders.give_back(refund.order_id, refund.minor, refund.id, to, refund.ends_as)
        return given

    def contested(self, request: Any, _reference: str, dispute_id: UUID, minor: int, to: AccountRef) -> int:
        """Take what a dispute contests from the orders that its payment has paid."""
        taken: int = request.find_service(ContestedOrders).take(dispute_id, minor, to)
        return taken

    def settled(self, request: Any, _reference: str, dispute_id: UUID, won: bool) -> None:
        """Give the orders back what a dispute had taken, or book it as gone."""
        request.find_service(ContestedOrders).settle(dispute_id, won=won)


def _checkout(request: Any, reference: str) -> Any:
    return request.db.execute(_DUE, {"id": int(reference)}).first() if _is_key(reference) else None


def _is_key(reference: str) -> bool:
    return reference.isascii() and reference.isdigit() and len(reference) <= 18


checkout_purpose = CheckoutPurpose()
