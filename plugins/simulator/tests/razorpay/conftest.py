import json

import httpx
import pytest
import razorpay
import requests

from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET, PAYOUT_ACCOUNT_NUMBER, WEBHOOK_SECRET
from marketcore_simulator.testing import eventually


@pytest.fixture
def simulator(simulator):
    simulator.world.settings.update({"razorpay_webhook_after": 0, "razorpay_settles_after": 0.02, "late_after": 60})
    return simulator


@pytest.fixture
def sdk(simulator):
    """The official SDK, as a merchant would use it."""
    with requests.Session() as session:
        session.trust_env = False
        yield razorpay.Client(session=session, auth=(KEY_ID, KEY_SECRET), base_url=simulator.razorpay_url)


class Api:
    """The merchant calling by hand, where statuses and headers matter."""

    def __init__(self, http):
        self._http = http

    def get(self, path, **query):
        return self._http.get(f"/razorpay{path}", params=query, auth=(KEY_ID, KEY_SECRET))

    def post(self, path, document=None, headers=None):
        return self._http.post(f"/razorpay{path}", json=document or {}, headers=headers, auth=(KEY_ID, KEY_SECRET))

    def patch(self, path, document):
        return self._http.patch(f"/razorpay{path}", json=document, auth=(KEY_ID, KEY_SECRET))

    def order(self, amount=50_000, **more):
        answer = self.post("/v1/orders", {"amount": amount, "currency": "INR", "receipt": "ORD-1", **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order, **how):
        """Pay an order as its payer would; return what the control call returns."""
        answer = self._http.post(f"/_sim/razorpay/orders/{order['id']}/pay", json=how)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def captured(self, amount=50_000, **more):
        """Return a captured payment."""
        return self.pay(self.order(amount, **more))["payment"]

    def payment(self, payment_id):
        return self.get(f"/v1/payments/{payment_id}").json()

    def choose(self, operation, script, times=1):
        document = {"face": "razorpay", "operation": operation, "script": script, "times": times}
        self._http.post("/_sim/scripts", json=document).raise_for_status()

    def account(self, email="seller@example.org", activated=True):
        """Return a linked account, ready to be paid unless said otherwise."""
        document = {
            "type": "route",
            "email": email,
            "phone": "9000090000",
            "legal_business_name": "Seller and Sons",
            "business_type": "proprietorship",
        }
        made = self.post("/v2/accounts", document).json()
        if activated:
            self._http.post(f"/_sim/razorpay/accounts/{made['id']}/activated").raise_for_status()
        return made

    def payee(self, vpa="seller@upi"):
        """Return a fund account."""
        contact = self.post("/v1/contacts", {"name": "Seller", "type": "vendor"}).json()
        document = {"contact_id": contact["id"], "account_type": "vpa", "vpa": {"address": vpa}}
        return self.post("/v1/fund_accounts", document).json()

    def payout(self, payee, key="payout-key-1", **changes):
        document = {
            "account_number": PAYOUT_ACCOUNT_NUMBER,
            "fund_account_id": payee["id"],
            "amount": 10_000,
            "currency": "INR",
            "mode": "UPI",
            "purpose": "payout",
            "reference_id": "PO-1",
            "narration": "Sales of May",
            **changes,
        }
        return self.post("/v1/payouts", document, {"X-Payout-Idempotency": key} if key else None)


@pytest.fixture
def api(http):
    return Api(http)


class Told:
    """What the webhooks of the marketplace heard."""

    def __init__(self, receiver):
        self._receiver = receiver

    def calls(self, count):
        return eventually(lambda: self._receiver.calls[:] if len(self._receiver.calls) >= count else None)

    def events(self, count):
        return [json.loads(call.body) for call in self.calls(count)]

    def names(self, count):
        return [event["event"] for event in self.events(count)]


@pytest.fixture
def webhook(http, receiver):
    """A registered webhook at the receiver."""
    answer = http.post("/_sim/razorpay/webhooks", json={"url": receiver.url, "secret": WEBHOOK_SECRET})
    answer.raise_for_status()
    return answer.json()


@pytest.fixture
def told(webhook, receiver):
    return Told(receiver)


@pytest.fixture
def refused():
    def read(answer):
        assert isinstance(answer, httpx.Response)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error.get("field")

    return read
