"""Giving back: refunds of PaymentIntents, each made once however often it is asked for."""

from __future__ import annotations

from marketcore.interfaces import Outcome, ProviderResult, RefundAttempt
from marketcore_payments_stripe import bodies, readings
from marketcore_payments_stripe.client import StripeGateway
from marketcore_payments_stripe.errors import NotSent, Refused, StripeTrouble
from marketcore_payments_stripe.payments import KEY_LIFETIME, Collecting, age, failure, unknown


class Refunding:
    """Makes refunds and asks about them."""

    def __init__(self, gateway: StripeGateway, collecting: Collecting) -> None:
        self._gateway = gateway
        self._collecting = collecting

    def refund(self, refund: RefundAttempt) -> ProviderResult:
        """Give back part or all of a payment."""
        try:
            return self._made(refund)
        except StripeTrouble as trouble:
            return failure(trouble)

    def fetch(self, refund: RefundAttempt) -> ProviderResult:
        """Ask how a refund stands."""
        try:
            if refund.reference is None:
                return self._clarified(refund)
            found = self._gateway.read_refund(refund.reference)
        except StripeTrouble as trouble:
            return unknown(trouble)
        return readings.of_refund(found, reported=refund.receipt is not None)

    def _made(self, refund: RefundAttempt) -> ProviderResult:
        intent_id = self._intent_of(refund)
        if intent_id is None:
            detail = f"payment {refund.payment.id} has no PaymentIntent, so nothing was collected"
            return ProviderResult(Outcome.DECLINED, reason="not_paid", detail=detail)
        made = self._gateway.create_refund(bodies.refund(refund, intent_id), str(refund.id))
        return readings.of_refund(made, reported=False)

    def _intent_of(self, refund: RefundAttempt) -> str | None:
        try:
            return self._collecting.intent_of(refund.payment)
        except StripeTrouble as trouble:
            raise NotSent(trouble.code, f"the payment could not be read: {trouble.message}") from None

    def _clarified(self, refund: RefundAttempt) -> ProviderResult:
        """Find out about a refund that was never answered: by the same request while its key is kept."""
        if age(refund.created_at) < KEY_LIFETIME:
            return self._repeated(refund)
        intent_id = self._collecting.intent_of(refund.payment)
        for found in self._gateway.refunds_of(intent_id) if intent_id else ():
            if readings.our_id(found, bodies.REFUND) == refund.id:
                return readings.of_refund(found, reported=refund.receipt is not None)
        return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail="Stripe has no such refund")

    def _repeated(self, refund: RefundAttempt) -> ProviderResult:
        try:
            made = self._made(refund)
        except Refused as refused:
            return failure(refused)
        if made.reference is None:
            return made
        return readings.of_refund(self._gateway.read_refund(made.reference), reported=refund.receipt is not None)
