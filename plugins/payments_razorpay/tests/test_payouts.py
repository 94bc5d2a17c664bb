"""Payouts: destinations made known once, every state a payout may take, repeats that pay nothing more."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import colander
import pytest

from marketcore.interfaces import Outcome
from marketcore_payments_razorpay.errors import RazorpayError
from marketcore_payments_razorpay.payouts import RazorpayDestination
from marketcore_simulator.testing import eventually

from .face import captured, destination, make_client, make_provider, payout_to, refund_of, started

BANK = {"name": "Asha Rao", "account_number": "026291800001191", "ifsc": "YESB0000262"}
UPI = {"name": "Asha Rao", "vpa": "asha@upi"}


@pytest.fixture
def enrolled(provider):
    to = destination()
    return replace(to, reference=provider.enroll(to).reference)


@pytest.fixture
def slow(simulator):
    """Payouts wait to be moved by the test."""
    simulator.world.settings.update({"razorpay_settles_after": 3600})


def become(provider, payout, outcome):
    return eventually(lambda: (r := provider.fetch_payout(payout)).outcome is outcome and r)


@pytest.mark.parametrize("details", [BANK, UPI], ids=["bank", "UPI"])
def test_a_destination_is_made_known_once_however_often_it_is_asked(provider, face, details):
    to = destination(**details)
    first, again = provider.enroll(to), provider.enroll(to)
    assert (first.state, again) == ("active", first)
    assert provider.enroll(replace(to, reference=first.reference)) == first
    assert len(face.merchant.payees.contacts.all()) == len(face.merchant.payees.fund_accounts.all()) == 1
    assert face.merchant.payees.fund_accounts.get(first.reference).address in details.values()


@pytest.mark.parametrize("operation", ["contacts", "fund_accounts"])
def test_a_destination_whose_answer_got_lost_is_pending_and_then_found(provider, face, operation):
    to = destination()
    face.choose(operation, "ok")
    face.choose(operation, "drop_after")
    waiting = provider.enroll(to)
    assert (waiting.state, waiting.reason) == ("pending", "gateway_unavailable")
    assert provider.enroll(to).state == "active"
    assert len(face.merchant.payees.contacts.all()) == len(face.merchant.payees.fund_accounts.all()) == 1


def test_a_destination_that_the_gateway_refuses_is_rejected(provider):
    refused = provider.enroll(destination(**{**BANK, "ifsc": "wrong"}))
    assert refused.state == "rejected"
    assert "ifsc" in refused.reason
    assert provider.enroll(replace(destination(), reference="fa_nobody")).state == "rejected"


@pytest.mark.parametrize("details", [BANK, UPI])
def test_a_whole_bank_account_or_upi_address_is_accepted(details):
    assert RazorpayDestination().deserialize(details) == details


@pytest.mark.parametrize(
    "details",
    [
        {**BANK, "vpa": "asha@upi"},
        {"name": "Asha Rao"},
        {"name": "Asha Rao", "ifsc": "YESB0000262"},
        {**BANK, "ifsc": "yesb0000262"},
        {**BANK, "account_number": "1"},
        {**UPI, "vpa": "asha"},
        {**UPI, "vpa": "asha@upi\n"},
        {**UPI, "name": "A"},
        {**UPI, "phone": "1"},
        {"vpa": "asha@upi"},
    ],
)
def test_half_and_double_destinations_are_refused(details):
    with pytest.raises(colander.Invalid) as refused:
        RazorpayDestination().deserialize(details)
    assert refused.value.asdict()


def test_S6_a_payout_is_processed_with_its_bank_reference(provider, face, enrolled):
    payout = payout_to(enrolled)
    begun = provider.pay_out(payout)
    assert begun.outcome is Outcome.PENDING
    done = become(provider, replace(payout, reference=begun.reference), Outcome.SUCCEEDED)
    assert (done.amount, done.reference) == (payout.amount, begun.reference)
    assert done.receipt == face.merchant.payouts.book.get(begun.reference).utr


def test_one_payout_sent_many_times_pays_once(provider, face, enrolled):
    payout = payout_to(enrolled)
    assert len({provider.pay_out(payout).reference for _ in range(10)}) == 1
    assert len(face.merchant.payouts.book.all()) == 1


@pytest.mark.parametrize("script", ["http_500", "drop_before", "drop_after", "html_error"])
def test_a_payout_without_an_answer_is_unknown_and_then_made_once(provider, face, enrolled, script):
    payout = payout_to(enrolled)
    face.choose("payouts", script)
    assert provider.pay_out(payout).outcome is Outcome.UNKNOWN
    assert become(provider, payout, Outcome.SUCCEEDED).amount == payout.amount
    assert len(face.merchant.payouts.book.all()) == 1


def test_a_payout_accepted_and_then_not_answered_is_found(face, simulator, provider, enrolled):
    payout = payout_to(enrolled)
    face.choose("payouts", "hang(20)")
    with make_client(simulator.razorpay_url, read_timeout=1) as hasty:
        impatient = make_provider(hasty)
        assert impatient.pay_out(payout).outcome is Outcome.UNKNOWN
        # The gateway is still busy with the first: a repeat is told to wait, and pays nothing.
        assert impatient.pay_out(payout).outcome is Outcome.UNKNOWN
    assert become(provider, payout, Outcome.SUCCEEDED).amount == payout.amount
    assert len(face.merchant.payouts.book.all()) == 1


def test_a_payout_that_may_exist_is_not_called_unattempted_when_repeating_fails(provider, face, enrolled):
    payout = payout_to(enrolled)
    face.choose("payouts", "drop_before")
    face.choose("payouts", "http_429")
    assert provider.pay_out(payout).outcome is Outcome.UNKNOWN
    assert provider.fetch_payout(payout).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("moves", "outcome"),
    [
        ((), Outcome.PENDING),
        (("processed",), Outcome.SUCCEEDED),
        (("failed",), Outcome.DECLINED),
        (("reversed",), Outcome.DECLINED),
        (("processed", "reversed"), Outcome.DECLINED),
    ],
)
def test_every_course_of_a_payout_has_its_outcome(provider, face, enrolled, slow, moves, outcome):
    payout = payout_to(enrolled)
    begun = provider.pay_out(payout)
    for state in moves:
        face.move_payout(begun.reference, state)
    for reference in (begun.reference, None):
        assert provider.fetch_payout(replace(payout, reference=reference)).outcome is outcome


def test_a_payout_known_as_paid_that_comes_back_is_returned(provider, face, enrolled, slow):
    payout = payout_to(enrolled)
    begun = provider.pay_out(payout)
    face.move_payout(begun.reference, "processed")
    paid = provider.fetch_payout(payout)
    face.move_payout(begun.reference, "reversed")
    back = provider.fetch_payout(replace(payout, reference=paid.reference, receipt=paid.receipt))
    assert (back.outcome, back.amount) == (Outcome.RETURNED, payout.amount)


def test_a_payout_that_waits_for_approval_is_pending_and_a_rejected_one_declined(provider, face, enrolled, slow):
    face.choose("payouts", "pending_then_succeeded")
    payout = payout_to(enrolled)
    begun = provider.pay_out(payout)
    assert (begun.outcome, begun.detail) == (Outcome.PENDING, "payout pending")
    face.move_payout(begun.reference, "rejected")
    assert provider.fetch_payout(payout).outcome is Outcome.DECLINED


def test_a_payout_beyond_the_balance_waits_and_a_cancelled_one_is_declined(provider, face, enrolled):
    face.control("razorpay/balances", payouts=0)
    payout = payout_to(enrolled)
    begun = provider.pay_out(payout)
    assert (begun.outcome, begun.detail) == (Outcome.PENDING, "payout queued")
    face.move_payout(begun.reference, "cancelled")
    ended = provider.fetch_payout(payout)
    assert (ended.outcome, ended.reason) == (Outcome.DECLINED, "payout_cancelled")


def test_a_state_that_nobody_knows_is_unknown(provider, face, enrolled, slow):
    payout = payout_to(enrolled)
    face.merchant.payouts.book.get(provider.pay_out(payout).reference).status = "teleported"
    assert provider.fetch_payout(payout).outcome is Outcome.UNKNOWN


def test_what_cannot_be_paid_is_not_attempted(provider, face):
    nowhere = provider.pay_out(payout_to(destination()))
    assert (nowhere.outcome, nowhere.reason) == (Outcome.NOT_ATTEMPTED, "destination_not_enrolled")
    to = destination(**UPI)
    too_much = payout_to(replace(to, reference=provider.enroll(to).reference), "100000.01")
    assert provider.pay_out(too_much).outcome is Outcome.NOT_ATTEMPTED
    assert face.merchant.payouts.book.all() == []


@pytest.mark.parametrize(
    ("details", "rupees", "mode"),
    [(BANK, "500000.00", "IMPS"), (BANK, "500000.01", "NEFT"), (UPI, "100000.00", "UPI")],
)
def test_an_amount_goes_by_what_carries_it(provider, face, slow, details, rupees, mode):
    to = destination(**details)
    provider.pay_out(payout_to(replace(to, reference=provider.enroll(to).reference), rupees))
    assert face.merchant.payouts.book.all()[0].mode == mode


@pytest.mark.parametrize("script", ["http_500", "http_429", "drop_after", "html_error"])
def test_a_question_about_a_payout_that_fails_says_nothing(provider, face, enrolled, script):
    payout = payout_to(enrolled)
    begun = provider.pay_out(payout)
    for reference in (None, begun.reference):
        face.choose("payouts_read", script)
        assert provider.fetch_payout(replace(payout, reference=reference)).outcome is Outcome.UNKNOWN


def now():
    return datetime.now(UTC)


def test_a_statement_lists_what_moved_and_nothing_else(provider, face, enrolled):
    since = now()
    payment = captured(provider, face, "500.00")
    captured_twice = captured(provider, face, "70.00")
    refund, payout = refund_of(payment, "200.00"), payout_to(enrolled, "30.00")
    refunded, paid = provider.refund(refund), provider.pay_out(payout)
    become(provider, payout, Outcome.SUCCEEDED)
    eventually(lambda: provider.fetch_refund(refund).outcome is Outcome.SUCCEEDED)
    lines = {line.reference: line for line in provider.statement(since, now() + timedelta(seconds=5))}
    assert set(lines) == {payment.reference, captured_twice.reference, refunded.reference, paid.reference}
    assert {(line.kind, line.amount.amount) for line in lines.values()} == {
        ("payment", "500.00"),
        ("payment", "70.00"),
        ("refund", "200.00"),
        ("payout", "30.00"),
    }
    assert lines[payment.reference].receipt == payment.receipt
    assert lines[payment.reference].fee.minor == face.merchant.payments.book.get(payment.receipt).fee
    assert lines[refunded.reference].operation_id == refund.id
    assert lines[paid.reference].operation_id == payout.id


def test_a_statement_has_neither_the_past_nor_the_future_nor_the_untouched(provider, face, simulator):
    captured(provider, face)
    face.let_time_pass(3600)
    since = now() + timedelta(minutes=59)
    captured(provider, face)
    face.pay(started(provider), outcome="fail")
    until = since + timedelta(minutes=10)
    assert [line.kind for line in provider.statement(since, until)] == ["payment"]
    assert list(provider.statement(until, until + timedelta(hours=1))) == []


def test_a_long_statement_comes_whole_and_each_line_once(provider, face):
    since = now()
    paid = {captured(provider, face, "1.00").receipt for _ in range(103)}
    lines = list(provider.statement(since, now() + timedelta(seconds=5)))
    assert {line.receipt for line in lines} == paid
    assert len(lines) == 103


def test_half_a_statement_is_none(provider, face):
    captured(provider, face)
    face.choose("refunds", "http_500")
    with pytest.raises(RazorpayError):
        provider.statement(now() - timedelta(hours=1), now())


def test_a_payout_that_was_reversed_is_no_movement(provider, face, enrolled, slow):
    since = now()
    begun = provider.pay_out(payout_to(enrolled))
    face.move_payout(begun.reference, "processed")
    face.move_payout(begun.reference, "reversed")
    assert list(provider.statement(since, now() + timedelta(seconds=5))) == []


def test_ids_of_others_are_not_taken_for_ours(provider, face, enrolled):
    since = now()
    document = {
        "account_number": "2323230000000001",
        "fund_account_id": enrolled.reference,
        "amount": 1000,
        "currency": "INR",
        "mode": "IMPS",
        "purpose": "payout",
        "reference_id": "their-payout-1",
    }
    provider._client.create_payout(document, uuid.uuid4().hex)
    lines = eventually(lambda: list(provider.statement(since, now() + timedelta(seconds=5))))
    assert [line.operation_id for line in lines] == [None]
