"""Refunds: part and all, repeated safely, asked about, and found when their answer got lost."""

from dataclasses import replace

import pytest

from marketcore.interfaces import Outcome
from marketcore_simulator.testing import eventually

from .face import captured, make_client, make_provider, refund_of, started


def ended(provider, refund):
    """Return what the refund has come to once it is no longer pending."""
    return eventually(lambda: (r := provider.fetch_refund(refund)).outcome is not Outcome.PENDING and r)


def test_S6_part_and_then_the_rest_are_given_back(provider, face):
    payment = captured(provider, face, "500.00")
    for rupees in ("200.00", "300.00"):
        refund = refund_of(payment, rupees)
        begun = provider.refund(refund)
        assert begun.outcome is Outcome.PENDING
        done = ended(provider, replace(refund, reference=begun.reference))
        assert (done.outcome, done.amount, done.reference) == (Outcome.SUCCEEDED, refund.amount, begun.reference)
    assert face.merchant.payments.book.get(payment.receipt).status == "refunded"
    assert provider.refund(refund_of(payment, "1.00")).outcome is Outcome.DECLINED


def test_one_refund_asked_for_many_times_gives_back_once(provider, face):
    payment = captured(provider, face)
    refund = refund_of(payment, "100.00")
    references = {provider.refund(refund).reference for _ in range(5)}
    assert len(references) == 1
    assert face.merchant.payments.book.get(payment.receipt).amount_refunded == 10_000


@pytest.mark.parametrize("script", ["http_500", "drop_before", "drop_after", "html_error"])
def test_a_refund_without_an_answer_is_unknown_and_then_done_once(provider, face, script):
    payment = captured(provider, face)
    refund = refund_of(payment, "100.00")
    face.choose("refund", script)
    assert provider.refund(refund).outcome is Outcome.UNKNOWN
    assert ended(provider, refund).outcome is Outcome.SUCCEEDED
    assert face.merchant.payments.book.get(payment.receipt).amount_refunded == 10_000
    assert len(face.merchant.refunds.book.all()) == 1


def test_a_refund_accepted_and_then_not_answered_is_found(face, simulator, provider):
    refund = refund_of(captured(provider, face), "100.00")
    face.choose("refund", "hang(20)")
    with make_client(simulator.razorpay_url, read_timeout=1) as hasty:
        assert make_provider(hasty).refund(refund).outcome is Outcome.UNKNOWN
    assert ended(provider, refund).outcome is Outcome.SUCCEEDED
    assert len(face.merchant.refunds.book.all()) == 1


def test_a_refund_that_may_exist_is_not_called_unattempted_when_repeating_fails(provider, face):
    refund = refund_of(captured(provider, face), "100.00")
    face.choose("refund", "drop_before")
    face.choose("refund", "http_429")
    assert provider.refund(refund).outcome is Outcome.UNKNOWN
    assert provider.fetch_refund(refund).outcome is Outcome.UNKNOWN


def test_a_refund_turned_away_was_not_attempted(provider, face):
    face.choose("refund", "http_429")
    assert provider.refund(refund_of(captured(provider, face), "100.00")).outcome is Outcome.NOT_ATTEMPTED


def test_a_refund_that_the_balance_does_not_cover_is_declined(provider, face):
    face.choose("refund", "insufficient")
    refused = provider.refund(refund_of(captured(provider, face), "100.00"))
    assert (refused.outcome, refused.reason) == (Outcome.DECLINED, "insufficient_balance")


def test_a_refund_that_fails_later_is_declined(provider, face):
    face.choose("refund", "pending_then_failed")
    refund = refund_of(captured(provider, face), "100.00")
    begun = provider.refund(refund)
    assert begun.outcome is Outcome.PENDING
    assert ended(provider, replace(refund, reference=begun.reference)).outcome is Outcome.DECLINED


def test_a_payment_without_a_receipt_is_found_by_its_order(provider, face):
    payment = captured(provider, face)
    assert provider.refund(refund_of(replace(payment, receipt=None), "100.00")).outcome is Outcome.PENDING


def test_nothing_is_given_back_of_what_was_not_captured(provider):
    refused = provider.refund(refund_of(started(provider), "100.00"))
    assert (refused.outcome, refused.reason) == (Outcome.NOT_ATTEMPTED, "nothing_captured")


@pytest.mark.parametrize("script", ["http_500", "http_429", "drop_after", "html_error"])
def test_a_question_about_a_refund_that_fails_says_nothing(provider, face, script):
    refund = refund_of(captured(provider, face), "100.00")
    begun = provider.refund(refund)
    for reference in (None, begun.reference):
        face.choose("refunds", script)
        assert provider.fetch_refund(replace(refund, reference=reference)).outcome is Outcome.UNKNOWN
