"""Collecting: a Checkout Session or a PaymentIntent for each attempt, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from marketcore.interfaces import Outcome, PaymentAttempt, ProviderResult
from marketcore_payments_stripe import bodies, readings
from marketcore_payments_stripe.client import StripeGateway
from marketcore_payments_stripe.errors import NotSent, Refused, StripeTrouble

#: Stripe keeps an idempotency key for 24 hours at least.
KEY_LIFETIME = timedelta(hours=23)
# By then every request of ours that was on its way has been carried out or never will be.
_SETTLED_AFTER = timedelta(minutes=10)
_INTENT = "pi_"


def failure(trouble: StripeTrouble) -> ProviderResult:
    """Return what a call that went wrong says of what it asked for."""
    if isinstance(trouble, NotSent):
        return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail=str(trouble))
    if isinstance(trouble, Refused):
        return ProviderResult(Outcome.DECLINED, reason=readings.reason(trouble.code), detail=str(trouble))
    return ProviderResult(Outcome.UNKNOWN, detail=str(trouble))


def unknown(trouble: StripeTrouble) -> ProviderResult:
    """Return that failing to ask says nothing."""
    return ProviderResult(Outcome.UNKNOWN, detail=str(trouble))


def age(created_at: datetime, asked_at: datetime | None = None) -> timedelta:
    """Return how long ago something was begun."""
    return (asked_at or datetime.now(UTC)) - created_at


class Collecting:
    """Starts attempts and asks about them."""

    def __init__(self, gateway: StripeGateway, *, mode: str, lifetime: timedelta, description: str) -> None:
        self._gateway = gateway
        self._by_page = mode == "checkout"
        self._lifetime = lifetime
        self._description = description

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Open the payment page, or make what the client's form needs."""
        try:
            return self._read(self._create(attempt))
        except StripeTrouble as trouble:
            return failure(trouble)

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Ask how an attempt stands, and close one whose time is over."""
        try:
            return self._truth(attempt) if attempt.reference else self._clarified(attempt)
        except StripeTrouble as trouble:
            return unknown(trouble)

    def intent_of(self, attempt: PaymentAttempt) -> str | None:
        """Return the PaymentIntent of an attempt that was paid."""
        for known in (attempt.receipt, attempt.reference):
            if known and known.startswith(_INTENT):
                return known
        found = self._gateway.read_session(attempt.reference) if attempt.reference else {}
        return readings.id_of(found.get("payment_intent"))

    def _create(self, attempt: PaymentAttempt) -> dict[str, Any]:
        if self._by_page:
            body = bodies.session(attempt, self._description, self._lifetime)
            return self._gateway.create_session(body, str(attempt.id))
        return self._gateway.create_intent(bodies.intent(attempt, self._description), str(attempt.id))

    def _truth(self, attempt: PaymentAttempt) -> ProviderResult:
        reference = str(attempt.reference)
        over = (attempt.asked_at or datetime.now(UTC)) >= attempt.expires_at
        if reference.startswith(_INTENT):
            return self._intent(reference, over)
        session = self._gateway.read_session(reference)
        if over and session["status"] == "open":
            session = self._closed(self._gateway.expire_session, self._gateway.read_session, reference)
        return self._read(session)

    def _intent(self, reference: str, over: bool) -> ProviderResult:
        intent = self._gateway.read_intent(reference)
        if over and readings.is_payable(intent):
            intent = self._closed(self._gateway.cancel_intent, self._gateway.read_intent, reference)
        return self._read(intent)

    def _closed(self, close: Callable[[str], Any], read: Callable[[str], Any], reference: str) -> dict[str, Any]:
        """Close what is open; if the payer was quicker, return what became of it."""
        try:
            found: dict[str, Any] = close(reference)
        except Refused:
            found = read(reference)
        return found

    def _read(self, found: dict[str, Any]) -> ProviderResult:
        by_page = found["object"] == "checkout.session"
        return readings.of_session(found) if by_page else readings.of_intent(found)

    def _clarified(self, attempt: PaymentAttempt) -> ProviderResult:
        """Find out about an attempt whose creation was never answered.

        The same request under the same key does no more than the first one did, or what the first one did not get
        to. Once the payer's time is over nothing new may come of it, so it is only looked for.
        """
        asked_at = attempt.asked_at or datetime.now(UTC)
        if asked_at < attempt.expires_at and age(attempt.created_at, asked_at) < KEY_LIFETIME and attempt.return_url:
            return self._repeated(attempt)
        found = self._look_for(attempt)
        if found is not None:
            return self._truth(replace(attempt, reference=found))
        if age(attempt.created_at, asked_at) < _SETTLED_AFTER:
            return ProviderResult(Outcome.UNKNOWN, detail="not found, but its creation may still be under way")
        return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail="Stripe has nothing of this id")

    def _repeated(self, attempt: PaymentAttempt) -> ProviderResult:
        try:
            reference = self._create(attempt)["id"]
        except Refused as refused:
            # A key that is known is answered before the request is looked at: so the first one never arrived.
            too_late = refused.param == "expires_at"
            return failure(NotSent(refused.code, refused.message) if too_late else refused)
        # Under a known key Stripe answers as it did then; how things stand now is another question.
        return self._truth(replace(attempt, reference=reference))

    def _look_for(self, attempt: PaymentAttempt) -> str | None:
        listed = self._gateway.sessions if self._by_page else self._gateway.intents
        since = attempt.created_at - _SETTLED_AFTER
        for found in listed(since, attempt.created_at + timedelta(hours=24)):
            if readings.our_id(found, bodies.PAYMENT) == attempt.id and found["metadata"].get(bodies.BY) == self._by:
                return str(found["id"])
        return None

    @property
    def _by(self) -> str:
        return "checkout" if self._by_page else "intent"
