"""Refunds against the simulated Stripe: made once, in part or whole, and not believed before they are done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from marketcore.interfaces import Outcome
from marketcore.money import Money

from .sandbox import CARD, FAILING_REFUND, PENDING_REFUND, TRIES, attempt_for, refund_for, translated


@pytest.fixture
def paid(provider, sandbox):
    """Return a function that makes a captured payment, as the core knows it."""

    def pay(amount="20.00", currency="USD", card=CARD):
        attempt = attempt_for(amount, currency)
        reference = provider.start(attempt).reference
        sandbox.pay(reference, card=card)
        result = provider.fetch(replace(attempt, reference=reference))
        return replace(attempt, reference=reference, receipt=result.receipt)

    return pay


def test_B7_M8_part_of_a_payment_is_given_back_and_then_the_rest(provider, sandbox, paid):
    payment = paid()
    for amount, minor in (("5.00", 500), ("15.00", 1500)):
        result = provider.refund(refund_for(payment, amount))
        assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(minor, "USD"))
        assert result.receipt == result.reference
    assert sum(refund["amount"] for refund in sandbox.objects("refund")) == 2000


def test_more_than_is_left_is_declined_and_nothing_moves(provider, sandbox, paid):
    assert provider.refund(refund_for(paid(), "20.01")).outcome is Outcome.DECLINED
    assert sandbox.objects("refund") == []


def test_a_payment_known_by_its_session_alone_is_refunded_too(provider, paid):
    payment = replace(paid(), receipt=None)
    assert provider.refund(refund_for(payment)).outcome is Outcome.SUCCEEDED


def test_a_payment_that_was_never_paid_cannot_be_given_back(provider, sandbox):
    attempt = attempt_for()
    payment = replace(attempt, reference=provider.start(attempt).reference)
    for unpaid in (payment, attempt):
        result = provider.refund(refund_for(unpaid))
        assert (result.outcome, result.reason) == (Outcome.DECLINED, "not_paid")
    assert sandbox.objects("refund") == []


def test_a_payment_that_cannot_be_read_is_not_refunded(provider, sandbox, paid):
    payment = replace(paid(), receipt=None)
    sandbox.script("sessions.retrieve", "http_500", times=TRIES)
    assert provider.refund(refund_for(payment)).outcome is Outcome.NOT_ATTEMPTED
    assert sandbox.objects("refund") == []


def test_an_amount_stripe_cannot_express_is_never_sent(provider, sandbox, paid):
    payment = paid("5.000", "KWD")
    result = provider.refund(refund_for(payment, "1.005", "KWD"))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "invalid_amount")
    assert sandbox.objects("refund") == []


def test_a_pending_refund_is_pending_and_then_done(provider, sandbox, paid):
    sandbox.simulator.world.settings.update({"stripe_settles_after": 600})
    refund = refund_for(paid(card=PENDING_REFUND))
    result = provider.refund(refund)
    assert (result.outcome, result.receipt) == (Outcome.PENDING, None)
    sandbox.control(f"/refunds/{result.reference}/succeed")
    done = provider.fetch_refund(replace(refund, reference=result.reference))
    assert (done.outcome, done.amount) == (Outcome.SUCCEEDED, Money(500, "USD"))


def test_a_pending_refund_that_fails_is_declined(provider, sandbox, paid):
    sandbox.simulator.world.settings.update({"stripe_settles_after": 600})
    refund = refund_for(paid(card=PENDING_REFUND))
    reference = provider.refund(refund).reference
    sandbox.control(f"/refunds/{reference}/fail")
    result = provider.fetch_refund(replace(refund, reference=reference))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "expired_or_canceled_card")


def test_a_refund_that_fails_after_its_success_comes_back(provider, sandbox, paid):
    refund = refund_for(paid(card=FAILING_REFUND))
    made = provider.refund(refund)
    assert made.outcome is Outcome.SUCCEEDED
    told = translated(provider, sandbox.call("refund.failed"))
    # Whether its success was reported is for the core to know: the event only tells it to ask.
    assert (told.subject, told.attempt_id, told.trusted) == ("refund", refund.id, False)
    known = replace(refund, reference=made.reference, receipt=made.receipt)
    assert provider.fetch_refund(known).outcome is Outcome.RETURNED


def test_the_events_of_a_refund_name_it_and_its_amount(provider, sandbox, paid):
    refund = refund_for(paid())
    provider.refund(refund)
    told = translated(provider, sandbox.call("refund.created"))
    assert (told.attempt_id, told.result.amount) == (refund.id, Money(500, "USD"))
    assert translated(provider, sandbox.call("charge.refunded")).subject == "other"


@pytest.mark.parametrize("script", ["http_500", "html_error", "drop_before", "drop_after"])
def test_an_unanswered_refund_is_unknown_and_asking_makes_it_once(provider, sandbox, paid, script):
    refund = refund_for(paid())
    sandbox.script("refunds.create", script, times=TRIES)
    assert provider.refund(refund).outcome is Outcome.UNKNOWN
    result = provider.fetch_refund(refund)
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(500, "USD"))
    assert provider.fetch_refund(refund).reference == result.reference
    assert len(sandbox.objects("refund")) == 1


def test_an_unanswered_refund_that_has_failed_since_is_not_a_success(provider, sandbox, paid):
    refund = refund_for(paid())
    sandbox.script("refunds.create", "drop_after", times=TRIES)
    provider.refund(refund)
    sandbox.control(f"/refunds/{sandbox.objects('refund')[0]['id']}/fail")
    assert provider.fetch_refund(refund).outcome is Outcome.DECLINED


def test_too_many_requests_mean_that_nothing_was_given_back(provider, sandbox, paid):
    sandbox.script("refunds.create", "http_429")
    assert provider.refund(refund_for(paid())).outcome is Outcome.NOT_ATTEMPTED
    assert sandbox.objects("refund") == []


def test_after_a_day_a_lost_refund_is_looked_for_and_never_made_again(provider, sandbox, paid):
    payment = paid()
    made, never = refund_for(payment, begun=timedelta(hours=25)), refund_for(payment, begun=timedelta(hours=25))
    sandbox.script("refunds.create", "drop_after", times=TRIES)
    provider.refund(made)
    assert provider.fetch_refund(made).outcome is Outcome.SUCCEEDED
    assert provider.fetch_refund(never).outcome is Outcome.NOT_ATTEMPTED
    assert len(sandbox.objects("refund")) == 1


def test_failing_to_ask_says_nothing(provider, sandbox, paid):
    refund = refund_for(paid())
    known = replace(refund, reference=provider.refund(refund).reference)
    sandbox.script("refunds.retrieve", "http_500", times=TRIES)
    assert provider.fetch_refund(known).outcome is Outcome.UNKNOWN
