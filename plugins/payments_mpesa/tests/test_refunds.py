import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from marketcore.interfaces import Outcome
from marketcore_simulator.testing import eventually

from .attempts import (
    approve,
    as_request,
    calls_to,
    make_office,
    make_provider,
    payment,
    refund,
    reversals,
    shillings,
    told,
)
from .exchange import requests_to, scripted


@pytest.fixture
def office(simulator):
    simulator.world.settings.update({"result_after": 0.02})
    return make_office(simulator.daraja_url)


@pytest.fixture
def unlisting(simulator):
    """An office without the list of payments."""
    simulator.world.settings.update({"result_after": 0.02})
    return make_office(simulator.daraja_url, pull=False)


@pytest.fixture
def paid(simulator, office):
    """A payment of KES 150 with its receipt on record."""
    attempt = payment()
    reference = office.start(attempt).reference
    return replace(attempt, reference=reference, receipt=approve(simulator))


def ask(office, receiver, made, path="/question"):
    assert office.fetch_refund(replace(made, callback_url=f"{receiver.url}{path}")).outcome is Outcome.UNKNOWN
    return told(office, receiver, path, "refund", answering=True)


def working(simulator):
    return simulator.app.daraja.office.book.working


def test_a_refund_is_pending_then_a_hint_then_believed_when_asked(simulator, office, receiver, paid):
    made = refund(paid, f"{receiver.url}/start")
    accepted = office.refund(made)
    assert accepted.outcome is Outcome.PENDING
    hint = told(office, receiver, "/start", "refund")
    assert (hint.subject, hint.trusted, hint.reference) == ("refund", False, accepted.reference)
    answer = ask(office, receiver, made)
    assert (answer.subject, answer.trusted) == ("refund", True)
    assert (answer.result.outcome, answer.result.amount) == (Outcome.SUCCEEDED, shillings(150))
    assert working(simulator) == 0


@pytest.mark.parametrize(
    ("script", "outcome", "sent"),
    [
        ("drop_before", Outcome.UNKNOWN, 0),
        ("drop_after", Outcome.UNKNOWN, 1),
        ("hang(60)", Outcome.UNKNOWN, 1),
        ("http_500", Outcome.UNKNOWN, 0),
        ("html_error", Outcome.UNKNOWN, 0),
        ("http_429", Outcome.NOT_ATTEMPTED, 0),
    ],
)
def test_a_reversal_is_sent_once_and_the_question_settles_what_it_did(
    simulator, office, receiver, paid, script, outcome, sent
):
    scripted(simulator, script, "reversal")
    made = refund(paid, f"{receiver.url}/start")
    assert office.refund(made).outcome is outcome
    assert len(reversals(simulator)) == sent
    assert len(requests_to(simulator, "/reversal/v1/request")) <= 1
    eventually(lambda: not sent or working(simulator) == 0)
    answer = ask(office, receiver, made)
    assert answer.result.outcome is (Outcome.SUCCEEDED if sent else Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("no_callback", Outcome.SUCCEEDED),
        ("slow_callback(60)", Outcome.SUCCEEDED),
        ("queue_timeout", Outcome.SUCCEEDED),
        ("unknown_reference", Outcome.SUCCEEDED),
        ("wrong_amount", Outcome.SUCCEEDED),
        ("queue_failed", Outcome.UNKNOWN),
        ("result(11)", Outcome.UNKNOWN),
        ("late_success", Outcome.UNKNOWN),
    ],
)
def test_a_payment_that_stands_is_not_refunded_and_one_that_does_not_is(
    simulator, office, receiver, paid, script, outcome
):
    scripted(simulator, script, "reversal")
    made = refund(paid, f"{receiver.url}/start")
    assert office.refund(made).outcome is Outcome.PENDING
    eventually(lambda: outcome is Outcome.UNKNOWN or working(simulator) == 0)
    answer = ask(office, receiver, made)
    assert (answer.trusted, answer.result.outcome) == (True, outcome)
    assert answer.result.amount == (shillings(150) if outcome is Outcome.SUCCEEDED else None)


def test_repeated_results_are_one_event(simulator, office, receiver, paid):
    scripted(simulator, "dup_callback(2)", "reversal")
    office.refund(refund(paid, f"{receiver.url}/start"))
    calls = calls_to(receiver, "/start", count=3)
    assert len({office.translate(as_request(call, "refund"))[0].dedupe_key for call in calls}) == 1


def test_a_forged_result_is_a_hint_and_the_answer_contradicts_it(simulator, office, receiver, paid):
    scripted(simulator, "result(11)", "reversal")
    made = refund(paid, f"{receiver.url}/start")
    office.refund(made)
    forged = json.loads(calls_to(receiver, "/start")[0].body)
    forged["Result"] |= {"ResultCode": 0, "TransactionID": "FORGED0001"}
    httpx.post(f"{receiver.url}/start", json=forged, trust_env=False, verify=False)
    event = office.translate(as_request(calls_to(receiver, "/start", 2)[1], "refund"))[0]
    assert (event.trusted, event.result.outcome) == (False, Outcome.SUCCEEDED)
    assert ask(office, receiver, made).result.outcome is Outcome.UNKNOWN
    assert working(simulator) == 150


def test_already_reversed_claims_nothing_but_counts_once_the_payment_is_seen_to_be(simulator, office, receiver, paid):
    office.refund(refund(paid, f"{receiver.url}/first"))
    calls_to(receiver, "/first")
    second = refund(paid, f"{receiver.url}/second")
    assert office.refund(second).outcome is Outcome.PENDING
    hint = told(office, receiver, "/second", "refund")
    assert (hint.trusted, hint.result.outcome, hint.result.detail[:7]) == (False, Outcome.UNKNOWN, "R000001")
    answer = ask(office, receiver, second)
    assert (answer.result.outcome, answer.result.amount) == (Outcome.SUCCEEDED, shillings(150))
    assert working(simulator) == 0


@pytest.mark.parametrize("script", ["queue_timeout", "result(2001)", "result(1)"])
def test_an_answer_that_the_question_itself_failed_says_nothing_of_the_refund(
    simulator, office, receiver, paid, script
):
    made = refund(paid, f"{receiver.url}/start")
    office.refund(made)
    calls_to(receiver, "/start")
    scripted(simulator, script, "status")
    assert ask(office, receiver, made).result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("script", ["drop_before", "http_500", "http_429"])
def test_a_question_that_fails_says_nothing(simulator, office, paid, script):
    scripted(simulator, script, "status")
    assert office.fetch_refund(refund(paid)).outcome is Outcome.UNKNOWN


# Which receipt


def test_without_a_receipt_the_list_tells_it(simulator, office, receiver, paid):
    made = refund(replace(paid, receipt=None), f"{receiver.url}/start")
    assert office.refund(made).outcome is Outcome.PENDING
    assert ask(office, receiver, made).result.outcome is Outcome.SUCCEEDED


def test_without_a_receipt_and_a_list_a_person_is_told_what_to_do(simulator, unlisting, paid):
    made = refund(replace(paid, receipt=None))
    result = unlisting.refund(made)
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "receipt_unknown_refund_by_hand")
    assert "look it up in the M-Pesa portal" in result.detail
    assert unlisting.fetch_refund(made).outcome is Outcome.UNKNOWN
    assert reversals(simulator) == requests_to(simulator, "/transactionstatus") == []


@pytest.mark.parametrize(("age", "outcome"), [(47, Outcome.NOT_ATTEMPTED), (49, Outcome.DECLINED)])
def test_a_receipt_that_may_yet_be_listed_is_waited_for(simulator, office, age, outcome):
    asked = payment(code="NEVERPAID2")
    of = replace(asked, asked_at=asked.created_at + timedelta(hours=age))
    result = office.refund(refund(of))
    assert (result.outcome, result.reason) == (outcome, "receipt_unknown_refund_by_hand")
    assert reversals(simulator) == []


def test_without_a_list_the_receipt_on_record_is_taken(simulator, unlisting, receiver, paid):
    made = refund(paid, f"{receiver.url}/start")
    assert unlisting.refund(made).outcome is Outcome.PENDING
    assert ask(unlisting, receiver, made).result.outcome is Outcome.SUCCEEDED


def test_a_receipt_that_a_forged_callback_brought_never_reverses_somebody_elses_payment(simulator, office, paid):
    other = payment(code="OTHER23456", payer={"phone": "254712345679"})
    office.start(other)
    foreign = approve(simulator)
    office.refund(refund(replace(paid, receipt=foreign)))
    eventually(lambda: working(simulator) == 150)
    reversed_ones = [made.receipt for made in simulator.app.daraja.office.book.all() if made.reversed]
    assert reversed_ones == [paid.receipt]


def test_of_two_payments_the_one_on_record_is_reversed_and_otherwise_none(simulator, office, paid):
    simulator.app.daraja.office.paybill.pay("254712345678", 150, paid.code)
    assert office.refund(refund(replace(paid, receipt=None))).reason == "receipt_unknown_refund_by_hand"
    assert reversals(simulator) == []
    assert office.refund(refund(paid)).outcome is Outcome.PENDING


@pytest.mark.parametrize("amount", [149, 151])
def test_a_part_of_a_payment_is_declined_and_nothing_sent(simulator, office, paid, amount):
    result = office.refund(refund(paid, amount=amount))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "only_whole_payments_refund_by_hand")
    assert reversals(simulator) == []


def test_money_that_differs_from_what_was_asked_goes_back_as_it_came(simulator, office):
    asked = payment(amount=150)
    simulator.app.daraja.office.paybill.pay("254712345678", 100, asked.code)
    assert office.refund(refund(asked, amount=150)).outcome is Outcome.DECLINED
    assert office.refund(refund(asked, amount=100)).outcome is Outcome.PENDING


# What is offered


def test_only_an_initiator_makes_refunds_and_only_whole_ones(simulator, office, unlisting):
    assert office.capabilities.features == {"refund", "statement"}
    assert unlisting.capabilities.features == {"refund"}
    assert make_provider(simulator.daraja_url).capabilities.features == frozenset()
    assert not hasattr(make_provider(simulator.daraja_url), "refund")
