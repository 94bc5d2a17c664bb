"""Razorpay as a payment provider: an order, the hosted checkout, and the order's payments as the only truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import colander

from marketcore.interfaces import (
    Capabilities,
    NextAction,
    Outcome,
    PaymentAttempt,
    ProviderResult,
    RefundAttempt,
    StatementLine,
    WebhookEvent,
    WebhookRequest,
)
from marketcore.money import Money
from marketcore_payments_razorpay import amounts, notices, results, statement
from marketcore_payments_razorpay.client import RazorpayClient
from marketcore_payments_razorpay.documents import Document, text
from marketcore_payments_razorpay.errors import RazorpayError, Rejected
from marketcore_payments_razorpay.pages import Pages
from marketcore_payments_razorpay.signatures import checkout_is_genuine, webhook_is_genuine

FEATURES = frozenset({"refund", "partial_refund", "capture", "statement"})


class RazorpayPayer(colander.MappingSchema):
    """Nothing: the payer says on the hosted page how to pay."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"


@dataclass(frozen=True, slots=True, repr=False)
class Merchant:
    """The account at Razorpay: `name` is shown to payers, `payout_account` is RazorpayX's, "" for none."""

    name: str
    key_secret: str
    webhook_secrets: tuple[str, ...]
    currencies: tuple[str, ...] = ("INR",)
    payout_account: str = ""


class RazorpayProvider:
    """Collects by orders and the hosted checkout.

    An order may be tried any number of times and is paid once. What the payer's browser brings is only a reason to
    ask; webhooks are signed and believed.
    """

    name = "razorpay"
    title = "Razorpay"
    webhook_slug = "razorpay"
    payer_schema = RazorpayPayer()

    def __init__(self, client: RazorpayClient, merchant: Merchant, pages: Pages) -> None:
        self.pages = pages
        self._client = client
        self._merchant = merchant
        self.capabilities = Capabilities(
            currencies={currency: amounts.step(currency) for currency in merchant.currencies},
            minimum={currency: amounts.LOWEST_INR for currency in merchant.currencies if currency == "INR"},
            features=FEATURES,
        )

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Create the order; the payer goes on at our page, which leads to the hosted checkout."""
        notes = {"payment_id": str(attempt.id)}
        try:
            amount = amounts.written(attempt.amount)
            order = self._client.create_order(amount, attempt.amount.currency, attempt.code, notes)
        except RazorpayError as error:
            return results.of_refusal(error)
        return self._awaiting(attempt, order)

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Ask for the order's payments; an order whose number got lost is found by its receipt."""
        try:
            return self._truth(attempt)
        except RazorpayError as error:
            return results.no_news(error)

    def capture(self, attempt: PaymentAttempt, amount: Money) -> ProviderResult:
        """Take an authorized payment whole; asked for any other amount, take nothing and tell what is authorized."""
        try:
            found = self._tries(attempt)
            held = next((payment for payment in found if results.is_authorized(payment)), None)
            if held is None or any(map(results.is_captured, found)):
                return self._verdict(attempt, found)
            if amounts.read(held) != amount:
                return replace(self._verdict(attempt, found), reason="amount_differs")
            return self._capture(attempt, str(held["id"]), amount)
        except RazorpayError as error:
            return results.no_news(error)

    def void(self, attempt: PaymentAttempt) -> ProviderResult:
        """Let an authorization lapse: Razorpay gives it back after three days, and knows no quicker way."""
        result = self.fetch(attempt)
        if result.outcome is not Outcome.AUTHORIZED:
            return result
        return replace(result, outcome=Outcome.PENDING, reason="authorization_lapses")

    def abandon(self, attempt: PaymentAttempt) -> ProviderResult:
        """Return what a payer's leaving amounts to: declined, unless money has moved or a bank is busy with it."""
        try:
            found = self._tries(attempt)
        except RazorpayError as error:
            return results.no_news(error)
        verdict = results.of_tries(found)
        if verdict is not None:
            return verdict
        if any(payment.get("status") == "created" for payment in found):
            return ProviderResult(Outcome.PENDING, reference=attempt.reference)
        return ProviderResult(Outcome.DECLINED, reference=attempt.reference, reason="cancelled_by_payer")

    def refund(self, refund: RefundAttempt) -> ProviderResult:
        """Give back part or all; the refund's id is the idempotency key, so calling again gives back nothing more."""
        notes = {"refund_id": str(refund.id)}
        try:
            amount = amounts.written(refund.amount)
            payment_id = self._payment_id(refund.payment)
            if payment_id is None:
                return ProviderResult(Outcome.NOT_ATTEMPTED, reason="nothing_captured")
            return results.of_refund(self._client.refund(payment_id, amount, refund.id.hex, notes))
        except RazorpayError as error:
            return results.of_refusal(error)

    def fetch_refund(self, refund: RefundAttempt) -> ProviderResult:
        """Ask about a refund; one that never arrived is sent again, which its key makes safe."""
        try:
            if refund.reference is not None:
                return results.of_refund(self._client.fetch_refund(refund.reference))
            payment_id = self._payment_id(refund.payment)
            made = self._client.refunds_of_payment(payment_id) if payment_id else []
        except RazorpayError as error:
            return results.no_news(error)
        found = next((known for known in made if known.get("receipt") == refund.id.hex), None)
        return results.of_refund(found) if found is not None else results.of_repeat(self.refund(refund))

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        """Return what Razorpay has of that time; raise RazorpayError when it cannot be read whole."""
        return list(statement.lines(self._client, since, until, self._merchant.payout_account))

    def verify(self, call: WebhookRequest) -> bool:
        """Tell whether one of the webhook secrets signed the body."""
        signature = notices.header(call, "x-razorpay-signature")
        return webhook_is_genuine(self._merchant.webhook_secrets, call.body, signature)

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Read the one event of a call."""
        return [notices.read_event(call)]

    def acknowledge(self) -> tuple[str, bytes]:
        """Return nothing much: any 2xx will do."""
        return "application/json", b"{}"

    @property
    def checkout_url(self) -> str:
        """The address of the hosted checkout."""
        return self._client.checkout_url

    def checkout_form(self, attempt: PaymentAttempt) -> Mapping[str, str]:
        """Return the fields that take a payer to the hosted checkout of an attempt whose order exists."""
        return {
            "key_id": self._client.key_id,
            "order_id": attempt.reference or "",
            "amount": str(amounts.written(attempt.amount)),
            "currency": attempt.amount.currency,
            "name": self._merchant.name,
            "description": attempt.code,
            "callback_url": self.pages.back(attempt.id),
            "cancel_url": self.pages.cancelled(attempt.id),
        }

    def is_genuine_return(self, attempt: PaymentAttempt, payment_id: str, signature: str) -> bool:
        """Tell whether Razorpay sent the browser back to *this* attempt: the order in question is the one we keep."""
        if attempt.reference is None:
            return False
        return checkout_is_genuine(self._merchant.key_secret, attempt.reference, payment_id, signature)

    def _awaiting(self, attempt: PaymentAttempt, order: Document) -> ProviderResult:
        order_id, amount = text(order, "id"), amounts.read(order)
        if order_id is None or amount != attempt.amount:
            return ProviderResult(Outcome.UNKNOWN, detail=f"an order of {amount} for one of {attempt.amount}")
        page = NextAction("redirect", {"url": self.pages.pay(attempt.id)})
        return ProviderResult(Outcome.PENDING, reference=order_id, next_action=page)

    def _truth(self, attempt: PaymentAttempt) -> ProviderResult:
        if attempt.reference is not None:
            return self._verdict(attempt, self._client.payments_of_order(attempt.reference))
        order = self._order(attempt)
        if order is None:
            # Should the order appear after all, it moves no money: nobody is led to one whose number we lack.
            return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail="no order has the receipt")
        known = self._awaiting(attempt, order)
        if known.reference is None:
            return known
        found = self._client.payments_of_order(known.reference)
        verdict = self._verdict(replace(attempt, reference=known.reference), found)
        return replace(verdict, next_action=known.next_action)

    def _order(self, attempt: PaymentAttempt) -> Document | None:
        listed = self._client.orders_of_receipt(attempt.code)
        return next((order for order in listed if _payment_noted(order) == str(attempt.id)), None)

    def _tries(self, attempt: PaymentAttempt) -> list[Document]:
        order_id = attempt.reference
        if order_id is None:
            order = self._order(attempt)
            order_id = text(order, "id")
        return self._client.payments_of_order(order_id) if order_id else []

    def _verdict(self, attempt: PaymentAttempt, found: Sequence[Document]) -> ProviderResult:
        told = results.of_tries(found)
        if told is not None:
            return replace(told, reference=attempt.reference)
        at = attempt.asked_at or attempt.created_at
        if at >= attempt.expires_at and not any(results.is_in_flight(payment, at) for payment in found):
            return ProviderResult(Outcome.EXPIRED, reference=attempt.reference, reason="expired")
        return ProviderResult(Outcome.PENDING, reference=attempt.reference, detail=f"{len(found)} tries")

    def _capture(self, attempt: PaymentAttempt, payment_id: str, amount: Money) -> ProviderResult:
        try:
            taken = self._client.capture(payment_id, amounts.written(amount), amount.currency)
        except Rejected:
            # It is not what it was a moment ago: perhaps somebody else was quicker.
            return self._truth(attempt)
        result = results.of_payment(taken) or ProviderResult(Outcome.UNKNOWN, detail="captured, but not said so")
        return replace(result, reference=attempt.reference)

    def _payment_id(self, payment: PaymentAttempt) -> str | None:
        if payment.receipt is not None:
            return payment.receipt
        return next((text(found, "id") for found in self._tries(payment) if results.is_captured(found)), None)


def _payment_noted(order: Document) -> object:
    notes = order.get("notes")
    return notes.get("payment_id") if isinstance(notes, Mapping) else None
