"""Two providers that are people: nothing here is sent anywhere, and only a confirmation makes money of a promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import colander

from marketcore.interfaces import (
    Capabilities,
    NextAction,
    Outcome,
    PaymentAttempt,
    ProviderResult,
    WebhookEvent,
    WebhookRequest,
)
from marketcore.web.schema import Schema


class ManualPayer(Schema):
    """Nothing: who pays is known."""


class ManualProvider:
    """What both have in common: no gateway that calls."""

    payer_schema: colander.SchemaNode = ManualPayer()

    def verify(self, call: WebhookRequest) -> bool:
        """Refuse every call: nobody but people confirms."""
        return False

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Find nothing in a call."""
        return ()

    def acknowledge(self) -> tuple[str, bytes]:
        """Return an empty answer."""
        return "text/plain", b""


class CashOnDelivery(ManualProvider):
    """Lets the goods leave at once; the seller takes the cash and says so."""

    name = "cash_on_delivery"
    title = "Cash on delivery"
    webhook_slug = "cash"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.capabilities = Capabilities(
            currencies=dict.fromkeys(settings["currencies"], 1), features=frozenset({"on_delivery", "by_hand"})
        )

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Promise the money."""
        return ProviderResult(Outcome.AUTHORIZED)

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Promise again: only an attempt whose start was interrupted is asked about."""
        return self.start(attempt)


class BankTransfer(ManualProvider):
    """Tells the payer where to send the money, and waits until somebody has seen it come."""

    name = "bank_transfer"
    title = "Bank transfer"
    webhook_slug = "transfer"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._account = settings["bank_account"]
        self._account_of = settings["bank_account_of"]
        self.capabilities = Capabilities(
            currencies=dict.fromkeys(settings["currencies"], 1),
            features=frozenset({"by_hand"}),
            lifetime_minutes=settings["lifetime_minutes"],
        )

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Say where to, how much and with which reference; whose account it was is known from this for ever."""
        told = {
            "account": self._account,
            "account_of": self._account_of,
            "amount": attempt.amount.amount,
            "currency": attempt.amount.currency,
            "reference": attempt.code,
        }
        return ProviderResult(Outcome.PENDING, next_action=NextAction("instructions", told))

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Wait on, until the payer's time is over."""
        if attempt.asked_at is not None and attempt.asked_at >= attempt.expires_at:
            return ProviderResult(Outcome.EXPIRED, reason="not_received")
        return self.start(attempt)
