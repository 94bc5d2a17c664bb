"""Providers as tests make them, what they are asked to do, and the calls that come back."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from marketcore.interfaces import Destination, PaymentAttempt, PayoutAttempt, RefundAttempt, WebhookRequest
from marketcore.money import Money
from marketcore_payments_mpesa.back_office import MpesaBackOffice
from marketcore_payments_mpesa.client import Initiator
from marketcore_payments_mpesa.provider import MpesaProvider
from marketcore_simulator.daraja import credentials
from marketcore_simulator.testing import eventually

from .exchange import ADDRESS, make_client

PHONE = "254712345678"
INITIATOR = Initiator(credentials.INITIATOR_NAME, credentials.SECURITY_CREDENTIAL)


def shillings(amount):
    return Money(amount * 100, "KES")


def make_office(base_url, *, pull=True, initiator=INITIATOR, client=None, clock=None, **options):
    """A provider that pays out and refunds; its client gives up after a second."""
    payouts = {"initiator": initiator, "payout_shortcode": credentials.B2C_SHORTCODE}
    client = client or make_client(base_url, read_timeout=1, **payouts, **options)
    listed = client.payment_list(PHONE, ADDRESS) if pull else None
    more = {"clock": clock} if clock else {}
    return MpesaBackOffice(client, maximum_kes=250_000, description="Order", payment_list=listed, **more)


def make_provider(base_url, *, pull=False):
    client = make_client(base_url, read_timeout=1)
    listed = client.payment_list(PHONE, ADDRESS) if pull else None
    return MpesaProvider(client, maximum_kes=250_000, description="Order", payment_list=listed)


def payment(callback_url=ADDRESS, amount=150, code="ABCDE23456", **changes):
    now = datetime.now(UTC)
    made = PaymentAttempt(
        id=uuid4(),
        code=code,
        amount=shillings(amount),
        payer={"phone": PHONE},
        callback_url=callback_url,
        return_url="",
        reference=None,
        created_at=now,
        expires_at=now + timedelta(minutes=15),
        asked_at=now,
    )
    return replace(made, **changes)


def payout(callback_url=ADDRESS, amount=500, phone=PHONE, **changes):
    destination = Destination(uuid4(), 7, "wanjiku@example.test", {"phone": phone})
    made = PayoutAttempt(uuid4(), "PAYOUT2345", shillings(amount), destination, callback_url, None, datetime.now(UTC))
    return replace(made, **changes)


def refund(of, callback_url=ADDRESS, amount=150, **changes):
    made = RefundAttempt(uuid4(), "REFUND2345", shillings(amount), of, callback_url, None, datetime.now(UTC))
    return replace(made, **changes)


def calls_to(receiver, path, count=1):
    """The calls that arrived at an address ending in ``path``, once there are ``count``."""

    def arrived():
        found = [call for call in receiver.calls if call.path.endswith(path)]
        return found if len(found) >= count else None

    return eventually(arrived)


def as_request(received, subject, *, answering=False):
    """A call as the core hands it on: of the address a hash, and what it was handed out for."""
    token = hashlib.sha256(received.path.encode()).hexdigest()
    return WebhookRequest(received.body, received.headers, "127.0.0.1", token, answering, subject)


def told(provider, receiver, path, subject, *, answering=False):
    """The event of the first call to an address."""
    (event,) = provider.translate(as_request(calls_to(receiver, path)[0], subject, answering=answering))
    return event


def approve(simulator, place=-1):
    """Approve a prompt at the handset and return its receipt."""
    desk = simulator.app.daraja.desk
    prompt = desk.prompts.all()[place]
    desk.decide(prompt, "approve")
    return prompt.receipt


def payouts(simulator):
    return simulator.app.daraja.office.payouts.all()


def reversals(simulator):
    return simulator.world.log.select("daraja", "reversal")
