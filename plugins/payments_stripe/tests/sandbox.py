"""What the tests ask of Stripe, and how they play the payer, the bank and the reviewer there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx

from marketcore.interfaces import Destination, PaymentAttempt, PayoutAttempt, RefundAttempt, WebhookRequest
from marketcore.money import Money
from marketcore_payments_stripe.client import StripeGateway
from marketcore_payments_stripe.provider import StripeProvider
from marketcore_simulator.stripe.credentials import SECRET_KEY
from marketcore_simulator.testing import eventually

SECRET = "whsec_of_the_tests_0123456789"
ADDRESS = "http://127.0.0.1:1/api/v1/payments/1"
TRIES = 3  # what the SDK sends at most, retries included
CARD, DECLINED, INSUFFICIENT = "4242424242424242", "4000000000000002", "4000000000009995"
CHALLENGED, PENDING_REFUND, FAILING_REFUND = "4000002500003155", "4000000000007726", "4000000000005126"
AVAILABLE_AT_ONCE = "4000000000000077"
BANK, BOUNCING_BANK = "pm_usBankAccount_success", "pm_usBankAccount_debitNotAuthorized"


def attempt_for(amount="20.00", currency="USD", *, minutes=60, begun=timedelta(0), reference=None, asked=None, **more):
    """An attempt begun ``begun`` ago, that ends ``minutes`` after its beginning."""
    created_at = datetime.now(UTC) - begun
    fields = {
        "id": uuid4(),
        "code": "K7M2PQ4RST",
        "amount": Money.parse(amount, currency),
        "payer": {},
        "callback_url": "",
        "return_url": ADDRESS,
        "reference": reference,
        "created_at": created_at,
        "expires_at": created_at + timedelta(minutes=minutes),
        "asked_at": asked,
    }
    return PaymentAttempt(**{**fields, **more})


def refund_for(payment, amount="5.00", currency="USD", *, begun=timedelta(0), **more):
    created_at = datetime.now(UTC) - begun
    fields = {"id": uuid4(), "code": "R7M2PQ4RST", "amount": Money.parse(amount, currency), "payment": payment}
    return RefundAttempt(**{**fields, "callback_url": "", "reference": None, "created_at": created_at, **more})


def destination_for(reference=None, country="US", **more):
    fields = {"id": uuid4(), "user_id": 7, "email": "seller@example.test", "details": {"country": country}}
    addresses = {"return_url": f"{ADDRESS}/back", "refresh_url": f"{ADDRESS}/again"}
    return Destination(**{**fields, "reference": reference, **addresses, **more})


def payout_for(destination, amount="10.00", currency="USD", *, begun=timedelta(0), **more):
    created_at = datetime.now(UTC) - begun
    fields = {"id": uuid4(), "code": "P7M2PQ4RST", "amount": Money.parse(amount, currency), "destination": destination}
    return PayoutAttempt(**{**fields, "callback_url": "", "reference": None, "created_at": created_at, **more})


def make_provider(base_url, *, key=SECRET_KEY, connect_seconds=2, read_seconds=5, retries=2, **options):
    gateway = StripeGateway(base_url, key, connect_seconds=connect_seconds, read_seconds=read_seconds, retries=retries)
    return StripeProvider(gateway, secrets=[SECRET], **options)


class Sandbox:
    """The other side of Stripe: control calls of the simulator, and the webhooks that arrived."""

    def __init__(self, simulator, receiver):
        self.simulator = simulator
        self.receiver = receiver
        self.http = httpx.Client(base_url=simulator.url, trust_env=False, verify=False)

    def control(self, path, **document):
        answer = self.http.post(f"/_sim/stripe{path}", json=document)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def script(self, operation, script, times=1):
        document = {"face": "stripe", "operation": operation, "script": script, "times": times}
        self.http.post("/_sim/scripts", json=document).raise_for_status()

    def pay(self, reference, **how):
        return self.control(f"/sessions/{reference}/pay", **how)

    def objects(self, kind):
        return self.http.get(f"/_sim/stripe/objects/{kind}").json()["items"]

    def requests(self, start):
        log = self.simulator.world.log.select("stripe", "request")
        return [event.summary for event in log if event.summary.startswith(start)]

    def top_up(self, amount, currency="usd"):
        self.control("/balance", amount=amount, currency=currency)

    def pass_time(self, seconds):
        self.simulator.world.shift_clock(seconds)

    def call(self, kind, count=1):
        """Return the ``count``-th delivered call of an event type, as the marketplace would receive it."""
        found = eventually(lambda: self._calls(kind)[count - 1 :] or None)[0]
        return WebhookRequest(found.body, found.headers, "127.0.0.1", "")

    def _calls(self, kind):
        return [call for call in self.receiver.calls[:] if json.loads(call.body)["type"] == kind]


def translated(provider, call):
    """Verify and translate one call into its one event."""
    assert provider.verify(call)
    (event,) = provider.translate(call)
    return event
