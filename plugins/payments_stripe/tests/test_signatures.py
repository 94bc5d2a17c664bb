"""What may be stored: a call that Stripe signed with one of our secrets, about now."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from marketcore.interfaces import WebhookRequest
from marketcore_payments_stripe.signatures import is_signed
from marketcore_simulator.stripe.signatures import signature_header

from .sandbox import SECRET, attempt_for

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
BODY = '{"id": "evt_1", "object": "event", "name": "café"}'.encode()
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
OTHER = "whsec_of_another_endpoint"


def header(secrets=(SECRET,), at=AT, body=BODY):
    return signature_header(body, secrets, at)


def hexadecimal(secret=SECRET):
    return header((secret,)).partition("v1=")[2]


GOOD = {
    "by our secret": header(),
    "299 seconds old": header(at=AT - 299),
    "300 seconds old": header(at=AT - 300),
    "300 seconds ahead": header(at=AT + 300),
    "by both secrets of a rotation, ours first": header((SECRET, OTHER)),
    "by both secrets of a rotation, ours last": header((OTHER, SECRET)),
    "with a scheme we do not know": f"t={AT},v0={'0' * 64},v1={hexadecimal()}",
    "with spaces": f"t={AT}, v1={hexadecimal()}",
}
BAD = {
    "missing": "",
    "by another secret": header((OTHER,)),
    "by no secret": header(("",)),
    "of another body": header(body=b"{}"),
    "301 seconds old": header(at=AT - 301),
    "301 seconds ahead": header(at=AT + 301),
    "years ahead": header(at=AT + 10**9),
    "with its time changed": header().replace(f"t={AT}", f"t={AT + 1}"),
    "with its time missing": f"v1={hexadecimal()}",
    "with two times": f"t={AT - 10**6},t={AT},v1={hexadecimal()}",
    "with a time that is no number": f"t=now,v1={hexadecimal()}",
    "with a negative time": f"t=-1,v1={hexadecimal()}",
    "with a time in other digits": f"t={str(AT).translate(ARABIC)},v1={hexadecimal()}",
    "with an endless time": f"t={'9' * 400},v1={hexadecimal()}",
    "with nothing signed": f"t={AT},v1=",
    "without a signature": f"t={AT}",
    "in an old scheme": f"t={AT},v0={hexadecimal()}",
    "cut short": header()[:-1],
    "in capitals": f"t={AT},v1={hexadecimal().upper()}",
    "not ASCII": f"t={AT},v1=ü{hexadecimal()[1:]}",
    "no header at all": "hello",
}


@pytest.mark.parametrize("name", GOOD)
def test_L5_M8_a_call_is_taken_when_its_signature_is(name):
    assert is_signed(BODY, GOOD[name], [SECRET], NOW)


@pytest.mark.parametrize("name", BAD)
def test_a_call_is_refused_when_its_signature_is(name):
    assert not is_signed(BODY, BAD[name], [SECRET], NOW)


def test_every_secret_of_ours_counts():
    for signer in (SECRET, OTHER):
        assert is_signed(BODY, header((signer,)), [SECRET, OTHER], NOW)
    assert not is_signed(BODY, header(), [], NOW)


def test_stripes_own_library_agrees_about_a_good_signature():
    now = int(datetime.now(UTC).timestamp())
    signed = header(at=now)
    assert stripe.WebhookSignature.verify_header(BODY.decode(), signed, SECRET, 300)
    assert is_signed(BODY, signed, [SECRET], datetime.now(UTC))


def test_the_header_is_found_in_any_case(provider, sandbox):
    provider.start(attempt_for())
    sandbox.pay(sandbox.objects("checkout.session")[0]["id"])
    call = sandbox.call("checkout.session.completed")
    shouted = {name.upper(): value for name, value in call.headers.items()}
    for headers, good in ((call.headers, True), (shouted, True), ({}, False)):
        assert provider.verify(WebhookRequest(call.body, headers, "127.0.0.1", "")) is good


def test_a_tampered_signature_of_a_true_event_is_refused(provider, sandbox):
    sandbox.script("sessions.create", "tampered_signature")
    provider.start(attempt_for())
    sandbox.pay(sandbox.objects("checkout.session")[0]["id"])
    assert not provider.verify(sandbox.call("checkout.session.completed"))


def test_an_event_replayed_later_is_refused(provider_with, sandbox):
    later = provider_with(clock=lambda: datetime.now(UTC) + timedelta(seconds=302))
    later.start(attempt_for())
    sandbox.pay(sandbox.objects("checkout.session")[0]["id"])
    assert not later.verify(sandbox.call("checkout.session.completed"))
