"""Payments by order: the hosted checkout's outcomes, late ones, lost ones, and capture."""

from dataclasses import replace
from datetime import timedelta

import pytest

from marketcore.interfaces import Outcome
from marketcore.money import Money
from marketcore_simulator.testing import eventually

from .face import SHOP, after_expiry, attempt, captured, started


def test_S5_S6_an_order_is_created_and_the_payer_sent_to_our_page(provider, face):
    begun = attempt("500.00")
    result = provider.start(begun)
    order = face.merchant.orders.book.get(result.reference)
    assert (order.amount, order.currency, order.receipt) == (50_000, "INR", begun.code)
    assert order.notes == {"payment_id": str(begun.id)}
    assert result.outcome is Outcome.PENDING
    assert result.next_action.kind == "redirect"
    assert result.next_action.data["url"].startswith(f"{SHOP}/pay/razorpay/{begun.id}/")


def test_S5_S6_a_payment_is_captured_with_its_receipt_and_amount(provider, face):
    begun = started(provider)
    assert provider.fetch(begun).outcome is Outcome.PENDING
    payment = face.pay(begun)["payment"]
    result = provider.fetch(begun)
    assert (result.outcome, result.receipt, result.amount) == (Outcome.SUCCEEDED, payment["id"], begun.amount)
    assert result.reference == begun.reference


def test_what_was_given_back_has_been_captured_all_the_same(provider, face):
    begun = captured(provider, face)
    face.merchant.refunds.create(face.merchant.payments.book.get(begun.receipt), {}, face.merchant.gateway.course(None))
    result = provider.fetch(begun)
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, begun.amount)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("http_500", Outcome.UNKNOWN),
        ("http_429", Outcome.NOT_ATTEMPTED),
        ("drop_before", Outcome.UNKNOWN),
        ("drop_after", Outcome.UNKNOWN),
        ("html_error", Outcome.UNKNOWN),
    ],
)
def test_a_fault_at_the_start_is_unknown_unless_nothing_was_done(provider, face, script, outcome):
    face.choose("orders", script)
    assert provider.start(attempt()).outcome is outcome
    assert len(face.requests("POST /v1/orders")) == 1


def test_a_refused_order_is_declined(provider):
    assert provider.start(attempt("0.99")).outcome is Outcome.DECLINED


def test_an_order_whose_answer_got_lost_is_found_by_its_receipt(provider, face):
    begun = attempt()
    face.choose("orders", "drop_after")
    assert provider.start(begun).outcome is Outcome.UNKNOWN
    found = provider.fetch(begun)
    assert found.outcome is Outcome.PENDING
    assert found.reference == face.merchant.orders.book.all()[0].id
    assert found.next_action.data["url"] == provider.pages.pay(begun.id)
    face.pay(replace(begun, reference=found.reference))
    assert provider.fetch(begun).outcome is Outcome.SUCCEEDED
    assert len(face.merchant.orders.book.all()) == 1


def test_an_order_with_our_receipt_from_another_marketplace_is_not_ours(provider, face):
    begun = attempt()
    provider.start(begun)
    other = attempt(code=begun.code)
    assert provider.fetch(other).outcome is Outcome.NOT_ATTEMPTED


def test_an_order_that_never_arrived_was_not_attempted(provider, face):
    begun = attempt()
    face.choose("orders", "drop_before")
    provider.start(begun)
    assert provider.fetch(begun).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("script", ["http_500", "http_429", "drop_before", "drop_after", "html_error"])
def test_a_question_that_fails_says_nothing(provider, face, script):
    begun = captured(provider, face)
    face.choose("payments", script)
    assert provider.fetch(begun).outcome is Outcome.UNKNOWN
    assert provider.fetch(begun).outcome is Outcome.SUCCEEDED


def test_a_failed_try_is_no_verdict_and_the_next_on_the_same_order_pays(provider, face):
    begun = started(provider)
    assert face.pay(begun, outcome="fail")["payment"]["status"] == "failed"
    assert provider.fetch(begun).outcome is Outcome.PENDING
    second = face.pay(begun)["payment"]
    assert provider.fetch(begun).receipt == second["id"]


def test_an_attempt_whose_time_is_over_expires_and_a_later_success_still_counts(provider, face):
    begun = started(provider)
    failed = face.pay(begun, outcome="fail")["payment"]
    assert provider.fetch(replace(begun, asked_at=begun.expires_at - timedelta(seconds=1))).outcome is Outcome.PENDING
    assert provider.fetch(replace(begun, asked_at=begun.expires_at)).outcome is Outcome.EXPIRED
    face.authorize_late(failed, capture=True)
    assert provider.fetch(after_expiry(begun)).outcome is Outcome.SUCCEEDED


def test_a_bank_that_is_still_busy_keeps_an_attempt_from_expiring(provider, face):
    begun = started(provider)
    payment = face.merchant.payments.book.get(face.pay(begun, outcome="fail")["payment"]["id"])
    payment.status, payment.created_at = "created", int(begun.expires_at.timestamp()) - 60
    assert provider.fetch(replace(begun, asked_at=begun.expires_at)).outcome is Outcome.PENDING
    assert provider.fetch(after_expiry(begun)).outcome is Outcome.EXPIRED


def test_without_the_time_of_asking_nothing_expires(provider):
    assert provider.fetch(replace(started(provider), asked_at=None)).outcome is Outcome.PENDING


def test_a_late_authorisation_is_reported_and_captured(provider, face):
    begun = started(provider)
    failed = face.pay(begun, outcome="fail")["payment"]
    face.authorize_late(failed)
    told = provider.fetch(after_expiry(begun))
    assert (told.outcome, told.amount, told.receipt) == (Outcome.AUTHORIZED, begun.amount, None)
    taken = provider.capture(begun, begun.amount)
    assert (taken.outcome, taken.receipt, taken.amount) == (Outcome.SUCCEEDED, failed["id"], begun.amount)
    assert taken.reference == begun.reference


def authorized(provider, face):
    begun = started(provider)
    face.choose("pay", "authorized_only")
    return begun, face.pay(begun)["payment"]


def test_a_capture_asked_twice_takes_once(provider, face):
    begun, payment = authorized(provider, face)
    results = [provider.capture(begun, begun.amount) for _ in range(3)]
    assert {result.outcome for result in results} == {Outcome.SUCCEEDED}
    assert {result.receipt for result in results} == {payment["id"]}
    assert len(face.requests("/capture")) == 1


@pytest.mark.parametrize("rupees", ["499.99", "500.01", "1.00"])
def test_another_amount_than_the_authorized_one_is_not_captured(provider, face, rupees):
    begun, _payment = authorized(provider, face)
    refused = provider.capture(begun, Money.parse(rupees, "INR"))
    assert (refused.outcome, refused.reason) == (Outcome.AUTHORIZED, "amount_differs")
    assert refused.amount == begun.amount
    assert face.requests("/capture") == []
    assert provider.fetch(begun).outcome is Outcome.AUTHORIZED


def test_nothing_is_captured_that_is_not_authorized(provider, face):
    begun = started(provider)
    assert provider.capture(begun, begun.amount).outcome is Outcome.PENDING
    face.pay(begun, outcome="fail")
    assert provider.capture(begun, begun.amount).outcome is Outcome.PENDING
    assert face.requests("/capture") == []


@pytest.mark.parametrize("script", ["http_500", "http_429", "drop_before", "drop_after", "html_error"])
def test_a_capture_without_an_answer_is_unknown_and_can_be_asked_again(provider, face, script):
    begun, payment = authorized(provider, face)
    face.choose("capture", script)
    assert provider.capture(begun, begun.amount).outcome is Outcome.UNKNOWN
    assert provider.capture(begun, begun.amount).receipt == payment["id"]
    assert face.merchant.balance() == payment["amount"] - face.merchant.payments.book.get(payment["id"]).fee


def test_a_second_late_authorisation_of_a_paid_order_changes_nothing(provider, face):
    begun = started(provider)
    first = face.pay(begun, outcome="fail")["payment"]
    second = face.pay(begun)["payment"]
    face.authorize_late(first)
    assert provider.fetch(begun).receipt == second["id"]
    assert provider.capture(begun, begun.amount).receipt == second["id"]
    assert face.requests("/capture") == []


def test_a_voided_authorization_lapses_after_three_days(provider, face):
    begun, _payment = authorized(provider, face)
    assert provider.void(begun).outcome is Outcome.PENDING
    face.let_time_pass(3 * 86_400 + 1)
    lapsed = eventually(lambda: (r := provider.fetch(begun)).outcome is Outcome.DECLINED and r)
    assert lapsed.reason == "authorization_lapsed"
    assert provider.void(begun).outcome is Outcome.DECLINED
    assert provider.capture(begun, begun.amount).outcome is Outcome.DECLINED


def test_a_void_does_not_deny_what_was_captured(provider, face):
    begun = captured(provider, face)
    assert provider.void(begun).outcome is Outcome.SUCCEEDED


def test_leaving_the_checkout_declines_only_where_no_money_moves(provider, face):
    begun = started(provider)
    assert provider.abandon(begun).reason == "cancelled_by_payer"
    failed = face.merchant.payments.book.get(face.pay(begun, outcome="fail")["payment"]["id"])
    assert provider.abandon(begun).outcome is Outcome.DECLINED
    failed.status = "created"
    assert provider.abandon(begun).outcome is Outcome.PENDING
    failed.status = "authorized"
    assert provider.abandon(begun).outcome is Outcome.AUTHORIZED
    face.choose("payments", "http_500")
    assert provider.abandon(begun).outcome is Outcome.UNKNOWN


def test_an_order_of_another_amount_is_not_shown_to_the_payer(provider, face):
    begun = attempt()
    provider.start(begun)
    found = provider.fetch(replace(begun, amount=Money.parse("600.00", "INR")))
    assert (found.outcome, found.next_action) == (Outcome.UNKNOWN, None)
