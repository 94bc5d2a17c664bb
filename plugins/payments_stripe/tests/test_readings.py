"""What rare statuses mean, which the simulated Stripe never shows."""

import pytest

from marketcore.interfaces import Outcome
from marketcore.money import Money
from marketcore_payments_stripe import readings

INTENT = {"id": "pi_1", "amount_received": 2000, "currency": "usd", "client_secret": "pi_1_secret_2"}
SESSION = {"id": "cs_1", "status": "complete", "payment_status": "unpaid", "amount_total": 2000, "currency": "usd"}
REFUND = {"id": "re_1", "amount": 500, "currency": "usd"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("requires_payment_method", Outcome.NEEDS_ACTION),
        ("requires_confirmation", Outcome.NEEDS_ACTION),
        ("requires_action", Outcome.NEEDS_ACTION),
        ("processing", Outcome.PENDING),
        ("requires_capture", Outcome.PENDING),
        ("a_status_of_tomorrow", Outcome.PENDING),
        ("canceled", Outcome.DECLINED),
        ("succeeded", Outcome.SUCCEEDED),
    ],
)
def test_each_status_of_an_intent_has_a_meaning(status, outcome):
    assert readings.of_intent({**INTENT, "status": status}).outcome is outcome


def test_what_was_received_counts_and_not_what_was_asked():
    received = readings.of_intent({**INTENT, "status": "succeeded", "amount": 3000})
    assert received.amount == Money(2000, "USD")


@pytest.mark.parametrize(
    ("intent", "outcome", "reason"),
    [
        ("pi_1", Outcome.PENDING, None),
        ({**INTENT, "status": "processing"}, Outcome.PENDING, None),
        ({**INTENT, "status": "canceled"}, Outcome.DECLINED, "declined"),
        (
            {
                **INTENT,
                "status": "requires_payment_method",
                "last_payment_error": {"decline_code": "insufficient_funds"},
            },
            Outcome.DECLINED,
            "insufficient_funds",
        ),
    ],
)
def test_a_completed_session_that_is_not_paid_ends_as_its_intent_does(intent, outcome, reason):
    result = readings.of_session({**SESSION, "payment_intent": intent})
    assert (result.outcome, result.reason) == (outcome, reason)


def test_a_session_that_is_paid_is_a_success_whatever_else_it_is():
    assert readings.of_session({**SESSION, "status": "expired", "payment_status": "paid"}).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "reported", "outcome"),
    [
        ("succeeded", False, Outcome.SUCCEEDED),
        ("pending", False, Outcome.PENDING),
        ("requires_action", False, Outcome.PENDING),
        ("failed", False, Outcome.DECLINED),
        ("canceled", False, Outcome.DECLINED),
        ("failed", True, Outcome.RETURNED),
        ("canceled", True, Outcome.RETURNED),
    ],
)
def test_each_status_of_a_refund_has_a_meaning(status, reported, outcome):
    assert readings.of_refund({**REFUND, "status": status}, reported=reported).outcome is outcome


def account(status, *resolutions, **more):
    details = [{"code": "rejected_other", "resolution": resolution} for resolution in resolutions]
    transfers = {"status": status, "status_details": details}
    recipient = {"capabilities": {"stripe_balance": {"stripe_transfers": transfers}}}
    return {"id": "acct_1", "configuration": {"recipient": recipient}, **more}


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (account("active"), "active"),
        (account("active", closed=True), "rejected"),
        (account("pending", "no_resolution"), "pending"),
        (account("restricted", "provide_info"), "pending"),
        (account("restricted", "contact_stripe", "provide_info"), "pending"),
        (account("restricted", "contact_stripe"), "rejected"),
        (account("unsupported", "no_resolution"), "rejected"),
        ({"id": "acct_1", "configuration": None}, "pending"),
    ],
)
def test_each_status_of_an_account_has_a_meaning(shown, state):
    assert readings.of_account(shown).state == state


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("card_declined", "declined"),
        ("insufficient_funds", "insufficient_funds"),
        ("Expired Card!", "expired_card"),
        (None, "declined"),
        ("!!!", "declined"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_reason_is_a_short_plain_word(code, reason):
    assert readings.reason(code) == reason
