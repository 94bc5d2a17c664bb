"""Stripe keeps the provider contract, against the simulated Stripe over real HTTP, by page and by form."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from marketcore.directives import table
from marketcore.testing.contracts import PaymentProviderContract
from marketcore.testing.market import Market
from marketcore_simulator.server import SimulatorServer
from marketcore_simulator.stripe.credentials import SECRET_KEY
from marketcore_simulator.stripe.signatures import signature_header

from .sandbox import BOUNCING_BANK, SECRET, TRIES

# The SDK tries again after these, so only all of them together are an answer that never came.
EXCHANGE = frozenset({"http_500", "http_429", "html_error", "drop_before", "drop_after"})


class CheckoutGateway:
    """The simulated Stripe, as the contract wants to direct it: a payer at the payment page."""

    creation, kind = "sessions.create", "checkout.session"

    def __init__(self, simulator: SimulatorServer, market: Market) -> None:
        self._simulator = simulator
        self._market = market
        simulator.app.stripe.tell(f"{market.url}/hooks/stripe", SECRET)

    def script(self, name: str) -> None:
        times = TRIES if name in EXCHANGE else 1
        self._post("/_sim/scripts", {"face": "stripe", "operation": self.creation, "script": name, "times": times})

    def approve(self, payment: dict[str, Any]) -> None:
        found = self._of(payment)
        self._post(f"/_sim/stripe/sessions/{found['id']}/pay", {})

    def cancel(self, payment: dict[str, Any]) -> None:
        # A declined card only leads to another try: what fails for good is a debit that the bank returns.
        found = self._of(payment)
        self._post(f"/_sim/stripe/sessions/{found['id']}/pay", {"payment_method": BOUNCING_BANK})

    def forge(self, payment: dict[str, Any]) -> None:
        found = self._of(payment)
        found.update(status="complete", payment_status="paid", payment_intent="pi_forged")
        self._send_forged("checkout.session.completed", found)

    def attempts(self) -> int:
        return len(self._all())

    def _send_forged(self, event: str, document: dict[str, Any]) -> None:
        told = {"id": "evt_forged", "object": "event", "type": event, "data": {"object": document}}
        body = json.dumps(told).encode()
        secret = hashlib.sha256(SECRET.encode()).hexdigest()
        headers = {"Stripe-Signature": signature_header(body, [secret], int(time.time()))}
        with httpx.Client(trust_env=False) as stranger:
            answer = stranger.post(f"{self._market.url}/hooks/stripe", content=body, headers=headers)
        assert answer.status_code == 401

    def _of(self, payment: dict[str, Any]) -> dict[str, Any]:
        return next(each for each in self._all() if each["metadata"]["marketcore_payment"] == payment["id"])

    def _all(self) -> list[dict[str, Any]]:
        with httpx.Client(base_url=self._simulator.url, trust_env=False) as http:
            items: list[dict[str, Any]] = http.get(f"/_sim/stripe/objects/{self.kind}").json()["items"]
        return items

    def _post(self, path: str, document: dict[str, Any], **headers: str) -> None:
        with httpx.Client(base_url=self._simulator.url, trust_env=False, headers=headers) as http:
            answer = http.post(path, data=document) if headers else http.post(path, json=document)
        assert answer.status_code == 200, answer.text


class IntentGateway(CheckoutGateway):
    """The same with a payer at the client's own form."""

    creation, kind = "payment_intents.create", "payment_intent"

    def approve(self, payment: dict[str, Any]) -> None:
        self._confirm(payment, "pm_card_visa")

    def cancel(self, payment: dict[str, Any]) -> None:
        path = f"/stripe/v1/payment_intents/{self._of(payment)['id']}/cancel"
        self._post(path, {"cancellation_reason": "requested_by_customer"}, Authorization=f"Bearer {SECRET_KEY}")

    def forge(self, payment: dict[str, Any]) -> None:
        found = self._of(payment)
        found.update(status="succeeded", amount_received=found["amount"])
        self._send_forged("payment_intent.succeeded", found)

    def _confirm(self, payment: dict[str, Any], method: str) -> None:
        path = f"/stripe/v1/payment_intents/{self._of(payment)['id']}/confirm"
        self._post(path, {"payment_method": method}, Authorization=f"Bearer {SECRET_KEY}")


class TestCheckout(PaymentProviderContract):
    currency = "USD"
    mode = "checkout"
    gateway_type = CheckoutGateway

    @pytest.fixture
    def simulator(self) -> Iterator[SimulatorServer]:
        with SimulatorServer(seed=1) as simulator:
            quick = {"approve_after": 0.05, "late_after": 0.05, "callback_after": 0.02, "stripe_settles_after": 0.05}
            simulator.world.settings.update(quick)
            yield simulator

    @pytest.fixture
    def market(self, make_market: Callable[..., Market], simulator: SimulatorServer) -> Iterator[Market]:
        market = make_market(
            "payments_stripe",
            payments__route__USD="stripe",
            payments_stripe__base_url=simulator.stripe_url,
            payments_stripe__api_key=SECRET_KEY,
            payments_stripe__webhook_secrets=SECRET,
            payments_stripe__mode=self.mode,
        )
        yield market
        table(market.registry, "payment providers")["stripe"].close()

    @pytest.fixture
    def gateway(self, simulator: SimulatorServer, market: Market) -> CheckoutGateway:
        return self.gateway_type(simulator, market)


class TestIntent(TestCheckout):
    mode = "intent"
    gateway_type = IntentGateway
