"""Webhooks: whose signature is believed, and what each event is taken for."""

import json
import uuid
from dataclasses import replace

import pytest
import razorpay

from marketcore.interfaces import Outcome, WebhookRequest
from marketcore_payments_razorpay.signatures import checkout_is_genuine, sign, webhook_is_genuine
from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from marketcore_simulator.testing import CallbackReceiver

from .face import captured, destination, heard, payout_to, refund_of, started, webhook


@pytest.fixture
def receiver(face):
    with CallbackReceiver() as listening:
        face.listen(listening)
        yield listening


def events(provider, face, receiver, count):
    """Return the first `count` events as the provider reads them; all must be signed."""
    calls = [heard(call) for call in face.told(receiver, count)]
    assert all(provider.verify(call) for call in calls)
    return [provider.translate(call)[0] for call in calls]


def by_kind(provider, face, receiver, count):
    """The same by kind: what happens at different moments may arrive in any order."""
    return {event.kind: event for event in events(provider, face, receiver, count)}


def event(name, **entities):
    payload = {kind: {"entity": entity} for kind, entity in entities.items()}
    return json.dumps({"entity": "event", "event": name, "payload": payload}).encode()


def test_a_payment_is_told_three_times_about_one_order(provider, face, receiver):
    begun = started(provider)
    payment = face.pay(begun)["payment"]
    authorized, taken, paid = events(provider, face, receiver, 3)
    assert [told.result.outcome for told in (authorized, taken, paid)] == [
        Outcome.AUTHORIZED,
        Outcome.SUCCEEDED,
        Outcome.SUCCEEDED,
    ]
    assert {told.reference for told in (authorized, taken, paid)} == {begun.reference}
    assert {told.subject for told in (authorized, taken, paid)} == {"payment"}
    assert (taken.result.receipt, taken.result.amount) == (payment["id"], begun.amount)
    assert authorized.result.receipt is None
    assert paid.attempt_id == begun.id
    assert len({told.dedupe_key for told in (authorized, taken, paid)}) == 3


def test_an_order_told_paid_before_its_payment_says_the_same(provider, face, receiver):
    begun = started(provider)
    face.choose("pay", "reorder")
    face.pay(begun)
    told = events(provider, face, receiver, 3)
    assert [event.kind for event in told] == ["order.paid", "payment.captured", "payment.authorized"]
    assert told[0].result == replace(told[1].result)


def test_a_failed_try_brings_no_verdict(provider, face, receiver):
    begun = started(provider)
    face.pay(begun, outcome="fail")
    (failed,) = events(provider, face, receiver, 1)
    assert (failed.kind, failed.reference, failed.result) == ("payment.failed", begun.reference, None)


def test_a_late_authorisation_is_told(provider, face, receiver):
    begun = started(provider)
    failed = face.pay(begun, outcome="fail")["payment"]
    face.authorize_late(failed)
    told = by_kind(provider, face, receiver, 2)
    assert told["payment.authorized"].result.outcome is Outcome.AUTHORIZED


def test_the_amount_told_is_the_gateways_own(provider, face, receiver):
    begun = started(provider)
    face.choose("pay", "wrong_amount")
    face.pay(begun)
    assert events(provider, face, receiver, 2)[1].result.amount.minor == begun.amount.minor - 1


def test_a_tampered_call_is_not_let_in(provider, face, receiver):
    face.choose("pay", "tampered_signature")
    face.pay(started(provider))
    assert not provider.verify(heard(face.told(receiver, 1)[0]))


def test_a_repeated_call_has_one_key_and_a_borrowed_id_another(provider, face, receiver):
    face.choose("pay", "dup_callback(2)")
    face.pay(started(provider))
    told = events(provider, face, receiver, 9)
    assert len({event.dedupe_key for event in told}) == 3
    body = event("settlement.processed")
    other = event("settlement.processed", settlement={"id": "setl_1"})
    keys = {provider.translate(webhook(content, event_id="evt_1"))[0].dedupe_key for content in (body, other)}
    assert len(keys) == 2


def test_a_refunds_course_is_told(provider, face, receiver):
    refund = refund_of(captured(provider, face), "100.00")
    begun = provider.refund(refund)
    told = by_kind(provider, face, receiver, 5)
    created, processed = told["refund.created"], told["refund.processed"]
    assert [told.result.outcome for told in (created, processed)] == [Outcome.PENDING, Outcome.SUCCEEDED]
    for told in (created, processed):
        assert (told.subject, told.attempt_id, told.reference) == ("refund", refund.id, begun.reference)
    assert processed.result.amount == refund.amount


def test_a_refund_that_fails_is_told(provider, face, receiver):
    face.choose("refund", "pending_then_failed")
    provider.refund(refund_of(captured(provider, face), "100.00"))
    told = by_kind(provider, face, receiver, 5)
    assert told["refund.failed"].result.outcome is Outcome.DECLINED


def test_a_payout_that_comes_back_late_is_told(provider, face, receiver, simulator):
    simulator.world.settings.update({"late_after": 0.02})
    face.choose("payouts", "late_reversed")
    to = destination()
    payout = payout_to(replace(to, reference=provider.enroll(to).reference))
    begun = provider.pay_out(payout)
    told = by_kind(provider, face, receiver, 3)
    assert {kind: event.result.outcome for kind, event in told.items()} == {
        "payout.initiated": Outcome.PENDING,
        "payout.processed": Outcome.SUCCEEDED,
        "payout.reversed": Outcome.RETURNED,
    }
    about = {(event.subject, event.attempt_id, event.reference) for event in told.values()}
    assert about == {("payout", payout.id, begun.reference)}
    assert told["payout.reversed"].result.amount == payout.amount


# The dispute's members as the gateway's documentation of payment.dispute.* shows them.
DISPUTE = {
    "id": "disp_FHxG8gZbmvlYQK",
    "entity": "dispute",
    "payment_id": "pay_EsyWjHrfzb59eR",
    "amount": 19_500,
    "currency": "INR",
    "amount_deducted": 0,
    "reason_code": "goods_or_services_not_received_or_partially_received",
    "respond_by": 1_593_541_800,
    "status": "open",
    "phase": "chargeback",
    "created_at": 1_593_109_800,
}
PAYMENT = {"id": "pay_EsyWjHrfzb59eR", "order_id": "order_EsyWjHrfzb59eR", "amount": 19_500, "currency": "INR"}


@pytest.mark.parametrize(
    ("name", "deducted", "state"),
    [
        ("created", 0, "open"),
        ("under_review", 0, "open"),
        ("action_required", 0, "open"),
        ("won", 0, "won"),
        ("lost", 19_500, "lost"),
        ("closed", 0, "won"),
        ("closed", 19_500, "lost"),
    ],
)
def test_a_dispute_is_told_with_its_payment_and_state(provider, name, deducted, state):
    dispute = {**DISPUTE, "amount_deducted": deducted}
    (told,) = provider.translate(webhook(event(f"payment.dispute.{name}", dispute=dispute, payment=PAYMENT)))
    assert (told.subject, told.trusted, told.result) == ("dispute", True, None)
    report = told.dispute
    assert (report.reference, report.state, report.amount.minor) == (DISPUTE["id"], state, 19_500)
    assert (report.payment_receipt, report.payment_reference) == (PAYMENT["id"], PAYMENT["order_id"])
    assert report.due_by.year == 2020
    assert report.reason == DISPUTE["reason_code"]


def test_a_dispute_without_its_payment_is_still_one(provider):
    (told,) = provider.translate(webhook(event("payment.dispute.created", dispute=DISPUTE)))
    assert (told.dispute.payment_receipt, told.dispute.payment_reference) == (PAYMENT["id"], None)


@pytest.mark.parametrize(
    "body",
    [
        event("settlement.processed", settlement={"id": "setl_1"}),
        event("transfer.processed", transfer={"id": "trf_1"}),
        event("payment.captured", payment={"id": "pay_1", "order_id": None, "status": "captured"}),
        event("payment.downtime.started"),
    ],
)
def test_what_is_not_about_an_order_of_ours_has_no_effect(provider, body):
    (told,) = provider.translate(webhook(body))
    assert (told.subject, told.result, told.dispute) == ("other", None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        event("payment.captured"),
        event("payment.captured", payment=None),
        event("refund.processed", payment={}),
        event("payment.dispute.created", dispute={**DISPUTE, "amount": "19500"}),
        b'{"event": "payment.captured", "payload": [1]}',
        b'{"event": 5}',
    ],
)
def test_a_shape_that_does_not_fit_is_named(provider, body):
    with pytest.raises(ValueError):
        provider.translate(webhook(body))


def test_ids_in_strange_places_are_nobodys(provider):
    refund = {"id": "rfnd_1", "receipt": "theirs", "status": "processed", "amount": 1000, "currency": "INR"}
    assert provider.translate(webhook(event("refund.processed", refund=refund)))[0].attempt_id is None
    order = {"id": "order_1", "notes": []}
    payment = {"id": "pay_1", "order_id": "order_1", "status": "captured", "amount": 100, "currency": "INR"}
    (told,) = provider.translate(webhook(event("order.paid", order=order, payment=payment)))
    assert (told.attempt_id, told.reference) == (None, "order_1")


def test_the_payers_own_notes_are_not_believed(provider):
    notes = {"payment_id": str(uuid.uuid4())}
    payment = {"id": "pay_1", "order_id": "order_1", "status": "captured", "amount": 1, "currency": "INR"}
    (told,) = provider.translate(webhook(event("payment.captured", payment={**payment, "notes": notes})))
    assert told.attempt_id is None


def test_the_old_and_the_new_secret_are_both_good_and_no_other(provider):
    body = event("settlement.processed")
    assert provider.verify(webhook(body, "old-secret"))
    assert provider.verify(webhook(body, WEBHOOK_SECRET))
    assert not provider.verify(webhook(body, "another"))
    assert not provider.verify(webhook(body, ""))
    for headers in ({}, {"X-Razorpay-Signature": ""}, {"X-Razorpay-Signature": "é"}):
        assert not provider.verify(WebhookRequest(body, headers, "", ""))
    good = webhook(body)
    assert not provider.verify(replace(good, body=body + b" "))


def test_the_official_library_agrees_about_signatures():
    utility = razorpay.Client(auth=(KEY_ID, KEY_SECRET)).utility
    body = event("payment.captured", payment={"description": "Čaj ₹"})
    utility.verify_webhook_signature(body.decode(), sign(WEBHOOK_SECRET, body), WEBHOOK_SECRET)
    signature = sign(KEY_SECRET, b"order_1|pay_1")
    fields = {"razorpay_order_id": "order_1", "razorpay_payment_id": "pay_1", "razorpay_signature": signature}
    assert utility.verify_payment_signature(fields)
    assert checkout_is_genuine(KEY_SECRET, "order_1", "pay_1", signature)
    for wrong in (sign(KEY_SECRET, b"order_2|pay_1"), sign("other", b"order_1|pay_1"), "", "0" * 64):
        assert not checkout_is_genuine(KEY_SECRET, "order_1", "pay_1", wrong)
        with pytest.raises(razorpay.errors.SignatureVerificationError):
            utility.verify_payment_signature({**fields, "razorpay_signature": wrong})
        assert not webhook_is_genuine([WEBHOOK_SECRET], body, wrong)
