"""Saying that money came, or did not: the word of whoever receives it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from marketcore import audit
from marketcore.exceptions import Conflict, Invalid
from marketcore.interfaces import Outcome, ProviderResult
from marketcore.money import Money
from marketcore.orders.services import OrderService
from marketcore.payments.services import PaymentService
from marketcore.states import OrderState, PaymentState
from marketcore_payments_manual.rules import (
    CASH,
    CONFIRMABLE,
    REJECTABLE,
    RETURNING,
    check_decider,
    check_state,
    kept_receipt,
)

_SELLERS = text("SELECT DISTINCT seller_id FROM orders WHERE checkout_id = :checkout ORDER BY seller_id")
_PROMISED = text("SELECT id FROM orders WHERE payment_id = :payment AND on_delivery AND paid_at IS NULL")
_PROMISE_FOR = text(
    """SELECT p.id FROM orders o JOIN payments p ON p.id = o.payment_id
       WHERE o.id = :order AND o.on_delivery AND o.paid_at IS NULL AND p.provider = :cash AND p.state = 'authorized'"""
)


class ConfirmationService:
    """Applies what people say of payments by hand."""

    def __init__(self, session: Any, payments: PaymentService, orders: OrderService) -> None:
        self._session = session
        self._payments = payments
        self._orders = orders

    def confirm(self, payment_id: UUID, amount: Money, receipt: str, identity: Any) -> None:
        """Say that ``amount`` came, with ``receipt`` to find it by; saying so again changes nothing.

        ``Invalid`` where the amount is another one than was asked for, ``Conflict`` where the payment has ended
        otherwise or the receipt stands for another payment.
        """
        payment = self._decidable(payment_id, identity)
        _check_amount(payment, amount)
        kept = kept_receipt(payment, receipt)
        if payment.state == PaymentState.CAPTURED and payment.provider_receipt == kept:
            return
        check_state(payment, CONFIRMABLE, "confirmed")
        result = ProviderResult(Outcome.SUCCEEDED, receipt=kept, amount=amount)
        if self._payments.apply_provider_state(payment_id, result, "by_hand") is not PaymentState.CAPTURED:
            raise Conflict(f"receipt {receipt} stands for another payment: look it up again")
        self._log("confirm", payment_id, identity, amount=str(amount), receipt=receipt)

    def reject(self, payment_id: UUID, reason: str, identity: Any) -> None:
        """Say that the money will not come; goods that were to be paid on delivery come back and their order ends."""
        payment = self._decidable(payment_id, identity)
        check_state(payment, REJECTABLE, "rejected")
        result = ProviderResult(Outcome.DECLINED, reason="not_received", detail=reason)
        self._payments.apply_provider_state(payment_id, result, "by_hand")
        for order_id in self._session.execute(_PROMISED, {"payment": payment_id}).scalars().all():
            self._call_back(order_id, identity, reason)
        self._log("reject", payment_id, identity, reason=reason)

    def end_promise(self, order_id: int) -> None:
        """End the promise to pay for an order that was cancelled."""
        payment_id = self._session.execute(_PROMISE_FOR, {"order": order_id, "cash": CASH}).scalar()
        if payment_id is not None:
            result = ProviderResult(Outcome.DECLINED, reason="order_cancelled")
            self._payments.apply_provider_state(payment_id, result, "order")

    def _decidable(self, payment_id: UUID, identity: Any) -> Any:
        payment = self._payments.lock(payment_id)
        check_decider(payment, self._sellers(payment), identity)
        return payment

    def _sellers(self, payment: Any) -> list[int]:
        if payment.purpose != "checkout":
            return []
        return list(self._session.execute(_SELLERS, {"checkout": int(payment.reference)}).scalars())

    def _call_back(self, order_id: int, identity: Any, reason: str) -> None:
        order = self._orders.lock(order_id)
        if order.state not in RETURNING:
            raise Conflict(f"order {order_id} is {order.state}: the buyer has the goods, so the money is still due")
        self._orders.move(order, OrderState.CANCELLED, identity.user_id, note=f"not paid on delivery: {reason}"[:200])

    def _log(self, act: str, payment_id: UUID, identity: Any, **detail: str) -> None:
        audit.record(self._session, audit.actor_of(identity), f"payment.{act}", "payment", payment_id, **detail)


def _check_amount(payment: Any, amount: Money) -> None:
    asked = Money(payment.amount_minor, payment.currency)
    if amount.currency != asked.currency:
        raise Invalid(errors={"amount.currency": f"{asked} was asked for"})
    if amount != asked:
        raise Invalid(errors={"amount.amount": f"{asked} was asked for: confirm exactly that, or reject the payment"})


def confirmation_service(_context: Any, request: Any) -> ConfirmationService:
    """Return the request's ``ConfirmationService``."""
    return ConfirmationService(request.db, request.find_service(PaymentService), request.find_service(OrderService))
