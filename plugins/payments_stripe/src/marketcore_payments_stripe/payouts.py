"""Paying out: connected accounts, their onboarding, and transfers to them."""

from __future__ import annotations

from dataclasses import replace

from marketcore.interfaces import Destination, Enrollment, NextAction, Outcome, PayoutAttempt, ProviderResult
from marketcore_payments_stripe import bodies, readings
from marketcore_payments_stripe.client import StripeGateway
from marketcore_payments_stripe.errors import Refused, StripeTrouble
from marketcore_payments_stripe.payments import KEY_LIFETIME, age, failure, unknown


class PayingOut:
    """Enrols sellers, and moves their money from the platform's balance to theirs."""

    def __init__(self, gateway: StripeGateway) -> None:
        self._gateway = gateway

    def enroll(self, destination: Destination) -> Enrollment:
        """Open the account if there is none, and say how it stands; until it is active, with a new link."""
        try:
            account = self._account(destination)
        except Refused as refused:
            state = "pending" if destination.reference else "rejected"
            return Enrollment(state, destination.reference, reason=readings.reason(refused.code))
        except StripeTrouble as trouble:
            return Enrollment("pending", destination.reference, reason=readings.reason(trouble.code))
        enrollment = readings.of_account(account)
        return self._with_link(enrollment, destination) if enrollment.state == "pending" else enrollment

    def pay_out(self, payout: PayoutAttempt) -> ProviderResult:
        """Transfer the money; it is the seller's when Stripe has answered."""
        try:
            return self._made(payout)
        except StripeTrouble as trouble:
            return failure(trouble)

    def fetch(self, payout: PayoutAttempt) -> ProviderResult:
        """Ask how a transfer stands, or make it certain that there is one."""
        try:
            if payout.reference is not None:
                return readings.of_transfer(self._gateway.read_transfer(payout.reference))
            return self._clarified(payout)
        except StripeTrouble as trouble:
            return unknown(trouble)

    def _account(self, destination: Destination) -> dict[str, object]:
        if destination.reference is not None:
            return self._gateway.read_account(destination.reference)
        opened = self._gateway.create_account(bodies.account(destination), str(destination.id))
        # Under a key used before, Stripe answers as it did then.
        return self._gateway.read_account(str(opened["id"]))

    def _with_link(self, enrollment: Enrollment, destination: Destination) -> Enrollment:
        """Add a link, which is good once and for minutes, so that it is never kept."""
        if not destination.return_url:
            return enrollment
        try:
            link = self._gateway.create_account_link(bodies.account_link(str(enrollment.reference), destination))
        except StripeTrouble as trouble:
            return replace(enrollment, reason=readings.reason(trouble.code))
        return replace(enrollment, next_action=NextAction("redirect", {"url": str(link["url"])}))

    def _made(self, payout: PayoutAttempt) -> ProviderResult:
        if payout.destination.reference is None:
            detail = f"destination {payout.destination.id} has no account at Stripe"
            return ProviderResult(Outcome.DECLINED, reason="not_enrolled", detail=detail)
        return readings.of_transfer(self._gateway.create_transfer(bodies.transfer(payout), str(payout.id)))

    def _clarified(self, payout: PayoutAttempt) -> ProviderResult:
        if age(payout.created_at) < KEY_LIFETIME:
            return self._repeated(payout)
        for found in self._gateway.transfers_of(str(payout.id)):
            if readings.our_id(found, bodies.PAYOUT) == payout.id:
                return readings.of_transfer(found)
        return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail="Stripe has no such transfer")

    def _repeated(self, payout: PayoutAttempt) -> ProviderResult:
        try:
            made = self._made(payout)
        except Refused as refused:
            return failure(refused)
        if made.reference is None:
            return made
        return readings.of_transfer(self._gateway.read_transfer(made.reference))
