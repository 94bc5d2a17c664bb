"""Stripe keeps the provider contracts, against the simulated Stripe over real HTTP, by page and by form."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import httpx
import pytest

from marketcore.directives import table
from marketcore.reconciliation.services import reconcile_provider
from marketcore.testing.contracts import PaymentProviderContract, background_round
from marketcore.testing.market import Market
from marketcore.testing.refund_contracts import RefundingProviderContract, refunded
from marketcore.testing.shop import Shop
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.stripe.credentials import SECRET_KEY
from marketcore_simulator.stripe.signatures import signature_header
from marketcore_simulator.testing import eventually

from .marketplace import EVENTS, StripeMarketplace, written
from .sandbox import BOUNCING_BANK, PENDING_REFUND, SECRET

KEY = {"Authorization": f"Bearer {SECRET_KEY}"}


class CheckoutGateway:
    """The simulated Stripe, as the contracts want to direct it: a payer at the payment page."""

    creation, kind, ended = "sessions.create", "checkout.session", "checkout.session.completed"

    def __init__(self, simulator: SimulatorServer, market: Market) -> None:
        self._simulator = simulator
        self._market = market
        self._scripted = ""
        self._post("/_sim/stripe/endpoints", {"url": f"{market.url}/hooks/stripe", "secret": SECRET, "events": EVENTS})

    def script(self, name: str) -> None:
        self._scripted = name
        self._queue(self.creation, name)

    def script_refund(self, name: str) -> None:
        self._queue("refunds.create", name)

    def approve(self, payment: dict[str, Any]) -> None:
        self._pay(self._of(payment)["id"])
        if self._scripted == "wrong_amount":
            # Asking would tell the true amount: the call that tells another has to be there first.
            eventually(self._delivered)

    def cancel(self, payment: dict[str, Any]) -> None:
        # A declined card only leads to another try: what fails for good is a debit that the bank returns.
        found = self._of(payment)
        paid = self._post(f"/_sim/stripe/sessions/{found['id']}/pay", {"payment_method": BOUNCING_BANK})
        self._post(f"/_sim/stripe/payment_intents/{paid['payment_intent']['id']}/settle", {"cleared": False})

    def forge(self, payment: dict[str, Any]) -> None:
        found = self._of(payment)
        found.update(status="complete", payment_status="paid", payment_intent="pi_forged")
        self._send_forged(found)

    def finish_refund(self, refund: dict[str, Any], *, well: bool = True) -> None:
        found = next(each for each in self._all("refund") if each["metadata"]["marketcore_refund"] == refund["id"])
        assert found["status"] == "pending"
        self._post(f"/_sim/stripe/refunds/{found['id']}/{'succeed' if well else 'fail'}", {})

    def fail_refund_late(self) -> None:
        """Let the bank send the one refund there is back after it was done."""
        (done,) = self._all("refund")
        self._post(f"/_sim/stripe/refunds/{done['id']}/fail", {})

    def attempts(self) -> int:
        return len(self._all(self.kind))

    def refunds(self) -> int:
        return len(self._all("refund"))

    def _pay(self, session_id: str) -> None:
        if self._scripted == "ok":
            # This payer needs nobody to tell him.
            eventually(lambda: [each for each in self._all(self.kind) if each["status"] == "complete"])
        else:
            self._post(f"/_sim/stripe/sessions/{session_id}/pay", {"card": PENDING_REFUND})

    def _queue(self, operation: str, name: str) -> None:
        self._post("/_sim/scripts", {"face": "stripe", "operation": operation, **written(name)})

    def _delivered(self) -> bool:
        with httpx.Client(base_url=self._simulator.url, trust_env=False, verify=False) as http:
            items = http.get("/_sim/stripe/deliveries").json()["items"]
        return any(self.ended in item["summary"] for item in items)

    def _send_forged(self, document: dict[str, Any]) -> None:
        told = {"id": "evt_forged", "object": "event", "type": self.ended, "data": {"object": document}}
        body = json.dumps(told).encode()
        secret = hashlib.sha256(SECRET.encode()).hexdigest()
        headers = {"Stripe-Signature": signature_header(body, [secret], int(time.time()))}
        with httpx.Client(trust_env=False, verify=False) as stranger:
            answer = stranger.post(f"{self._market.url}/hooks/stripe", content=body, headers=headers)
        assert answer.status_code == 401

    def _of(self, payment: dict[str, Any]) -> dict[str, Any]:
        return next(each for each in self._all(self.kind) if each["metadata"]["marketcore_payment"] == payment["id"])

    def _all(self, kind: str) -> list[dict[str, Any]]:
        with httpx.Client(base_url=self._simulator.url, trust_env=False, verify=False) as http:
            items: list[dict[str, Any]] = http.get(f"/_sim/stripe/objects/{kind}").json()["items"]
        return items

    def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        with httpx.Client(base_url=self._simulator.url, trust_env=False, verify=False) as http:
            asked = {"json": document} if path.startswith("/_sim/") else {"data": document, "headers": KEY}
            answer = http.post(path, **asked)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


class IntentGateway(CheckoutGateway):
    """The same with a payer at the client's own form."""

    creation, kind, ended = "payment_intents.create", "payment_intent", "payment_intent.succeeded"

    def cancel(self, payment: dict[str, Any]) -> None:
        self._post(f"/stripe/v1/payment_intents/{self._of(payment)['id']}/cancel", {"cancellation_reason": "duplicate"})

    def forge(self, payment: dict[str, Any]) -> None:
        found = self._of(payment)
        found.update(status="succeeded", amount_received=found["amount"])
        self._send_forged(found)

    def _pay(self, session_id: str) -> None:
        self._post(f"/stripe/v1/payment_intents/{session_id}/confirm", {"payment_method": "pm_card_visa"})


class StripeOnThePlatform(StripeMarketplace):
    """A marketplace that collects dollars with the simulated Stripe."""

    gateway_type = CheckoutGateway

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer, market: Market) -> CheckoutGateway:
        return self.gateway_type(simulator, market)


class TestCheckout(StripeOnThePlatform, RefundingProviderContract):
    def test_stripes_books_agree_with_ours(self, paid: Shop, gateway: CheckoutGateway) -> None:
        refund = paid.refund(target="original")
        background_round(paid.market)
        gateway.finish_refund(refund)
        assert refunded(paid, refund) == "succeeded"
        paid.market.travel("2 hours")  # what is younger than an hour is compared the next time
        registry = paid.market.registry
        assert reconcile_provider(registry, table(registry, "payment providers")["stripe"]) == 0
        # 2.9 % and 30 cents of 500 dollars is what the simulated Stripe keeps.
        assert paid.codes().count("provider_fee") == 1
        assert paid.market.query("SELECT amount FROM ledger_transfers WHERE code = 'provider_fee'")[0][0] == 1480

    def test_a_refund_that_fails_after_its_success_is_owed_again(self, paid: Shop, gateway: CheckoutGateway) -> None:
        refund = paid.refund(target="original")
        background_round(paid.market)
        gateway.finish_refund(refund)
        assert refunded(paid, refund) == "succeeded"
        gateway.fail_refund_late()

        def failed() -> bool:
            background_round(paid.market)
            return bool(paid.read_refund(refund)["state"] == "failed")

        assert eventually(failed)


class TestIntent(StripeOnThePlatform, PaymentProviderContract):
    mode = "intent"
    gateway_type = IntentGateway
