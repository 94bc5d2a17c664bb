"""What Stripe's events are taken for: ours, somebody else's, malformed."""

import json

import pytest

from marketcore.interfaces import Outcome, WebhookRequest
from marketcore.money import Money
from marketcore_payments_stripe.events import read_event

from .sandbox import attempt_for, translated


@pytest.fixture
def paid(provider, sandbox):
    """Return an attempt whose payer has paid."""
    attempt = attempt_for()
    sandbox.pay(provider.start(attempt).reference)
    return attempt


def test_a_completed_session_is_a_trusted_success_of_our_attempt(provider, sandbox, paid):
    told = translated(provider, sandbox.call("checkout.session.completed"))
    assert (told.subject, told.attempt_id, told.trusted) == ("payment", paid.id, True)
    assert (told.result.outcome, told.result.amount) == (Outcome.SUCCEEDED, Money(2000, "USD"))
    assert told.result.receipt == sandbox.objects("payment_intent")[0]["id"]


def test_an_event_told_twice_is_one_event(provider, sandbox, paid):
    call = sandbox.call("checkout.session.completed")
    event_id = json.loads(call.body)["id"]
    sandbox.control(f"/events/{event_id}/redeliver")
    again = sandbox.call("checkout.session.completed", 2)
    assert translated(provider, call).dedupe_key == translated(provider, again).dedupe_key == event_id


def test_what_else_happens_to_a_payment_is_kept_without_effect(provider, sandbox, paid):
    for kind in ("payment_intent.created", "payment_intent.succeeded", "charge.succeeded"):
        told = translated(provider, sandbox.call(kind))
        assert (told.subject, told.result, told.trusted) == ("other", None, True)


def test_an_amount_told_wrongly_is_handed_on_as_told(provider, sandbox):
    sandbox.script("sessions.create", "wrong_amount")
    sandbox.pay(provider.start(attempt_for()).reference)
    assert translated(provider, sandbox.call("checkout.session.completed")).result.amount == Money(1999, "USD")


def test_an_object_that_does_not_name_us_is_somebody_elses(provider, sandbox):
    sandbox.script("sessions.create", "unknown_reference")
    sandbox.pay(provider.start(attempt_for()).reference)
    assert translated(provider, sandbox.call("checkout.session.completed")).subject == "other"


@pytest.mark.parametrize(("ended", "state"), [("won", "won"), ("lost", "lost")])
def test_a_dispute_is_reported_from_its_beginning_to_its_end(provider, sandbox, paid, ended, state):
    intent = sandbox.objects("payment_intent")[0]["id"]
    opened = sandbox.control("/disputes", payment_intent=intent, amount=700, reason="product_not_received")
    told = translated(provider, sandbox.call("charge.dispute.created"))
    assert (told.subject, told.reference, told.trusted) == ("dispute", opened["id"], True)
    report = told.dispute
    assert (report.state, report.amount, report.reason) == ("open", Money(700, "USD"), "product_not_received")
    assert (report.reference, report.payment_receipt) == (opened["id"], intent)
    assert int(report.due_by.timestamp()) == opened["evidence_details"]["due_by"]
    sandbox.control(f"/disputes/{opened['id']}/{ended}")
    assert translated(provider, sandbox.call("charge.dispute.closed")).dispute.state == state


def event(kind="checkout.session.completed", document=None, **more):
    return json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": document or {}}, **more})


SESSION = {
    "id": "cs_1", "object": "checkout.session", "status": "complete", "payment_status": "paid", "amount_total": 2000,
    "currency": "usd", "payment_intent": "pi_1",
    "metadata": {"marketcore_payment": "a2b8c0de-0000-4000-8000-000000000001"},
}  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'"event"',
        b"[" * 100_000,
        b"{}",
        b'{"object": "charge", "id": "ch_1", "type": "x"}',
        b'{"object": "event", "type": "x"}',
        b'{"object": "event", "id": 7, "type": "x"}',
        b'{"object": "event", "id": "evt_1", "type": "checkout.session.completed"}',
        b'{"object": "event", "id": "evt_1", "type": "checkout.session.completed", "data": []}',
        b'{"object": "event", "id": "evt_1", "type": "x", "data": {"object": {}}, "related_object": 5',
        event(document={**SESSION, "amount_total": "2000"}).encode(),
        event(document={**SESSION, "amount_total": 20.5}).encode(),
        event(document={**SESSION, "currency": "xxx"}).encode(),
        event(document={**SESSION, "currency": None}).encode(),
        event(
            document={key: value for key, value in SESSION.items() if key != "status"} | {"payment_status": ""}
        ).encode(),
    ],
)
def test_a_body_of_another_shape_is_a_value_error(provider, body):
    with pytest.raises(ValueError, match=r"body|event|lacks|whole number|does not take"):
        provider.translate(WebhookRequest(body, {}, "127.0.0.1", ""))


@pytest.mark.parametrize(
    "metadata", [None, {}, {"marketcore_payment": "7"}, {"order": "a2b8c0de-0000-4000-8000-000000000001"}]
)
def test_a_session_of_another_shop_on_the_same_account_is_no_payment_of_ours(metadata):
    assert read_event(event(document={**SESSION, "metadata": metadata}).encode()).subject == "other"


def test_a_payment_on_a_sellers_own_account_is_no_payment_of_ours():
    assert read_event(event(document=SESSION).encode()).subject == "payment"
    assert read_event(event(document=SESSION, account="acct_1").encode()).subject == "other"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("needs_response", "open"),
        ("under_review", "open"),
        ("warning_needs_response", "open"),
        ("warning_closed", "won"),
        ("won", "won"),
        ("lost", "lost"),
        ("prevented", "lost"),
        ("a_status_of_tomorrow", "open"),
    ],
)
def test_each_status_of_a_dispute_has_a_meaning(status, state):
    dispute = {"id": "du_1", "amount": 500, "currency": "usd", "status": status, "payment_intent": "pi_1"}
    assert read_event(event("charge.dispute.updated", dispute).encode()).dispute.state == state


def test_a_dispute_in_money_we_do_not_know_is_somebody_elses():
    dispute = {"id": "du_1", "amount": 500, "currency": "std", "status": "lost"}
    assert read_event(event("charge.dispute.closed", dispute).encode()).subject == "other"


def test_a_rejected_account_is_rejected():
    account = {
        "id": "acct_1",
        "capabilities": {"transfers": "inactive"},
        "requirements": {"disabled_reason": "rejected.fraud"},
    }
    told = read_event(event("account.updated", account, account="acct_1").encode())
    assert (told.enrollment.state, told.enrollment.reason) == ("rejected", "rejected_fraud")


def test_a_thin_event_about_anything_else_is_kept_without_effect():
    thin = {"id": "evt_2", "object": "v2.core.event", "type": "v2.core.event_destination.ping", "related_object": None}
    told = read_event(json.dumps(thin).encode())
    assert (told.dedupe_key, told.subject, told.trusted) == ("evt_2", "other", True)


def test_stripe_is_thanked(provider):
    assert provider.acknowledge() == ("application/json", b'{"received":true}')
