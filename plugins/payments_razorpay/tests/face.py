"""How the tests direct the simulated Razorpay, and what they ask of the provider."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from marketcore.interfaces import Destination, PaymentAttempt, PayoutAttempt, RefundAttempt, WebhookRequest
from marketcore.money import Money
from marketcore_payments_razorpay.client import RazorpayClient
from marketcore_payments_razorpay.pages import Pages
from marketcore_payments_razorpay.payouts import RazorpayPayoutProvider
from marketcore_payments_razorpay.provider import Merchant
from marketcore_payments_razorpay.signatures import sign
from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET, PAYOUT_ACCOUNT_NUMBER, WEBHOOK_SECRET
from marketcore_simulator.testing import eventually

NOW = datetime.now(UTC)
SHOP = "https://market.example"


def make_client(base_url, **options):
    return RazorpayClient(KEY_ID, KEY_SECRET, base_url=base_url, **options)


def make_provider(client):
    merchant = Merchant("Test shop", KEY_SECRET, ("old-secret", WEBHOOK_SECRET), payout_account=PAYOUT_ACCOUNT_NUMBER)
    return RazorpayPayoutProvider(client, merchant, Pages(lambda: SHOP, b"k" * 32))


def attempt(rupees="500.00", reference=None, **changes):
    made = PaymentAttempt(
        id=uuid.uuid4(),
        code=uuid.uuid4().hex[:10].upper(),
        amount=Money.parse(rupees, "INR"),
        payer={},
        callback_url="",
        return_url="",
        reference=reference,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        asked_at=NOW,
    )
    return replace(made, **changes)


def started(provider, rupees="500.00"):
    """Return an attempt whose order exists."""
    begun = attempt(rupees)
    return replace(begun, reference=provider.start(begun).reference)


def after_expiry(begun):
    """Return the attempt as it is asked about an hour after its end."""
    return replace(begun, asked_at=begun.expires_at + timedelta(hours=1))


def captured(provider, face, rupees="500.00"):
    """Return an attempt that was paid, with its receipt."""
    begun = started(provider, rupees)
    return replace(begun, receipt=face.pay(begun)["payment"]["id"])


def refund_of(payment, rupees, **changes):
    made = RefundAttempt(uuid.uuid4(), "RF1", Money.parse(rupees, "INR"), payment, "", None, NOW)
    return replace(made, **changes)


def destination(**details):
    details = details or {"name": "Asha Rao", "account_number": "026291800001191", "ifsc": "YESB0000262"}
    return Destination(uuid.uuid4(), 7, "asha@example.test", details)


def payout_to(enrolled, rupees="100.00", **changes):
    made = PayoutAttempt(uuid.uuid4(), "PO23456789", Money.parse(rupees, "INR"), enrolled, "", None, NOW)
    return replace(made, **changes)


def webhook(body, secret=WEBHOOK_SECRET, event_id="evt_1"):
    headers = {"X-Razorpay-Signature": sign(secret, body), "X-Razorpay-Event-Id": event_id}
    return WebhookRequest(body, headers, "127.0.0.1", "")


def heard(call):
    """Return a call that a receiver kept, as the platform would hand it on."""
    return WebhookRequest(call.body, call.headers, "127.0.0.1", "")


class Face:
    """The simulated gateway's control calls."""

    def __init__(self, simulator):
        self._http = httpx.Client(base_url=simulator.url, trust_env=False, verify=False)
        self._simulator = simulator
        self.merchant = simulator.app.razorpay.merchant

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.close()

    def control(self, path, **document):
        answer = self._http.post(f"/_sim/{path}", json=document)
        assert answer.is_success, answer.text
        return answer.json()

    def choose(self, operation, script, times=1):
        self.control("scripts", face="razorpay", operation=operation, script=script, times=times)

    def pay(self, begun, **how):
        """Pay an attempt's order as its payer would; return the payment and what the browser brings back."""
        return self.control(f"razorpay/orders/{begun.reference}/pay", **how)

    def authorize_late(self, payment, *, capture=False):
        return self.control(f"razorpay/payments/{payment['id']}/authorize", capture=capture)

    def move_payout(self, payout_id, state):
        return self.control(f"razorpay/payouts/{payout_id}/{state}")

    def let_time_pass(self, seconds):
        self.control("clock", shift=seconds)

    def listen(self, receiver, secret=WEBHOOK_SECRET):
        """Register the receiver as a webhook."""
        return self.control("razorpay/webhooks", url=receiver.url, secret=secret)

    def requests(self, part):
        """Return the calls of the API whose line in the log contains `part`."""
        return [event for event in self._simulator.world.log.select("razorpay", "request") if part in event.summary]

    def told(self, receiver, count):
        """Return the first `count` calls that a receiver heard."""
        return eventually(lambda: receiver.calls[:] if len(receiver.calls) >= count else None)[:count]
