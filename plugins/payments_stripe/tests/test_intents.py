"""Payments by PaymentIntent (``payments_stripe.mode = intent``): the client's own form confirms them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from marketcore.interfaces import Outcome
from marketcore.money import Money

from .sandbox import BOUNCING_BANK, DECLINED, TRIES, attempt_for, translated


@pytest.fixture
def provider(provider_with):
    return provider_with(mode="intent")


@pytest.fixture
def confirm(sandbox):
    """Return what the client's form does with a card."""

    def confirm(reference, method="pm_card_visa"):
        key = {"Authorization": "Bearer sk_test_sim_demo"}
        path = f"/stripe/v1/payment_intents/{reference}/confirm"
        return sandbox.http.post(
            path, data={"payment_method": method, "return_url": "http://127.0.0.1:1/"}, headers=key
        )

    return confirm


def started(provider, attempt):
    result = provider.start(attempt)
    assert result.outcome is Outcome.NEEDS_ACTION, result
    return replace(attempt, reference=result.reference)


def test_a_start_hands_out_the_clients_secret(provider, sandbox):
    attempt = attempt_for("20.50")
    result = provider.start(attempt)
    (intent,) = sandbox.objects("payment_intent")
    assert result.reference == intent["id"]
    assert (intent["amount"], intent["currency"]) == (2050, "usd")
    assert intent["metadata"]["marketcore_payment"] == str(attempt.id)
    assert (result.next_action.kind, dict(result.next_action.data)) == (
        "client_secret",
        {"client_secret": intent["client_secret"]},
    )


def test_a_confirmed_intent_is_a_success_by_event_and_by_asking(provider, sandbox, confirm):
    attempt = started(provider, attempt_for())
    confirm(attempt.reference)
    told = translated(provider, sandbox.call("payment_intent.succeeded"))
    assert (told.subject, told.attempt_id, told.trusted) == ("payment", attempt.id, True)
    for result in (told.result, provider.fetch(attempt)):
        assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(2000, "USD"))
        assert result.receipt == attempt.reference


def test_a_declined_card_ends_nothing(provider, sandbox, confirm):
    attempt = started(provider, attempt_for())
    assert confirm(attempt.reference, "pm_card_chargeDeclined").status_code == 402
    told = translated(provider, sandbox.call("payment_intent.payment_failed"))
    assert told.result.outcome is provider.fetch(attempt).outcome is Outcome.NEEDS_ACTION


def test_a_bank_debit_is_pending(provider, sandbox, confirm):
    sandbox.simulator.world.settings.update({"stripe_settles_after": 600})
    attempt = started(provider, attempt_for())
    confirm(attempt.reference, BOUNCING_BANK)
    assert provider.fetch(attempt).outcome is Outcome.PENDING


def test_asking_after_the_payers_time_gives_the_intent_up(provider, sandbox, confirm):
    attempt = started(provider, attempt_for(asked=datetime.now(UTC) + timedelta(hours=2)))
    assert provider.fetch(attempt).outcome is Outcome.EXPIRED
    assert confirm(attempt.reference).status_code == 400
    assert translated(provider, sandbox.call("payment_intent.canceled")).result.outcome is Outcome.EXPIRED


def test_an_intent_canceled_by_somebody_else_is_declined(provider, sandbox):
    attempt = started(provider, attempt_for())
    key = {"Authorization": "Bearer sk_test_sim_demo"}
    sandbox.http.post(f"/stripe/v1/payment_intents/{attempt.reference}/cancel", headers=key).raise_for_status()
    assert provider.fetch(attempt).outcome is Outcome.DECLINED


def test_a_lost_answer_is_made_up_for_by_asking(provider, sandbox):
    sandbox.script("payment_intents.create", "drop_after", times=TRIES)
    attempt = attempt_for()
    assert provider.start(attempt).outcome is Outcome.UNKNOWN
    result = provider.fetch(attempt)
    (intent,) = sandbox.objects("payment_intent")
    assert (result.outcome, result.reference) == (Outcome.NEEDS_ACTION, intent["id"])


def test_a_lost_intent_is_found_by_our_id_when_its_time_is_over(provider, sandbox):
    sandbox.script("payment_intents.create", "drop_after", times=TRIES)
    attempt = attempt_for(asked=datetime.now(UTC) + timedelta(hours=2))
    provider.start(attempt)
    provider.start(attempt_for())
    assert provider.fetch(attempt).outcome is Outcome.EXPIRED
    assert sorted(intent["status"] for intent in sandbox.objects("payment_intent")) == [
        "canceled",
        "requires_payment_method",
    ]


def test_an_intent_is_asked_about_as_one_also_when_pages_are_used_now(provider, provider_with, sandbox, confirm):
    attempt = started(provider, attempt_for())
    confirm(attempt.reference)
    assert provider_with(mode="checkout").fetch(attempt).outcome is Outcome.SUCCEEDED


def test_a_session_is_asked_about_as_one_also_when_intents_are_used_now(provider, provider_with, sandbox):
    attempt = started(provider_with(mode="checkout"), attempt_for())
    sandbox.pay(attempt.reference, card=DECLINED)
    assert provider.fetch(attempt).outcome is Outcome.NEEDS_ACTION
