"""Payments by Checkout Session against the simulated Stripe: what is asked, every ending, every failure of the wire."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from marketcore.interfaces import NextAction, Outcome
from marketcore.money import Money
from marketcore_simulator.testing import eventually

from .sandbox import (
    BANK,
    BOUNCING_BANK,
    CARD,
    CHALLENGED,
    DECLINED,
    INSUFFICIENT,
    TRIES,
    attempt_for,
    translated,
)

HOUR = timedelta(hours=1)


def started(provider, attempt=None):
    """Start an attempt and return it as the core keeps it: with the provider's reference."""
    attempt = attempt or attempt_for()
    result = provider.start(attempt)
    assert result.outcome is Outcome.NEEDS_ACTION, result
    return replace(attempt, reference=result.reference)


def test_B7_L4_a_start_opens_a_page_for_the_exact_amount_under_our_id(provider, sandbox):
    attempt = attempt_for("20.50")
    result = provider.start(attempt)
    (session,) = sandbox.objects("checkout.session")
    assert result.reference == session["id"]
    assert result.next_action == NextAction("redirect", {"url": session["url"]})
    assert (session["amount_total"], session["currency"]) == (2050, "usd")
    assert session["client_reference_id"] == str(attempt.id)
    assert session["metadata"]["marketcore_payment"] == str(attempt.id)
    assert session["success_url"] == session["cancel_url"] == attempt.return_url
    assert session["expires_at"] == int(attempt.expires_at.timestamp())


def test_a_session_stays_open_for_an_hour_even_if_the_attempt_is_shorter(provider, sandbox):
    attempt = attempt_for(minutes=5)
    provider.start(attempt)
    (session,) = sandbox.objects("checkout.session")
    assert session["expires_at"] == int((attempt.created_at + HOUR).timestamp())


def test_a_session_never_outlives_the_day_stripe_allows(provider, sandbox):
    attempt = attempt_for(minutes=3 * 24 * 60)
    assert provider.start(attempt).outcome is Outcome.NEEDS_ACTION
    (session,) = sandbox.objects("checkout.session")
    assert session["expires_at"] < int((attempt.created_at + 24 * HOUR).timestamp())


def test_B7_L5_a_paid_session_is_a_success_with_what_stripe_received(provider, sandbox):
    attempt = started(provider)
    paid = sandbox.pay(attempt.reference, card=CARD)
    result = provider.fetch(attempt)
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(2000, "USD"))
    assert result.receipt == paid["payment_intent"]["id"]
    assert paid["payment_intent"]["metadata"]["marketcore_payment"] == str(attempt.id)


@pytest.mark.parametrize("card", [DECLINED, INSUFFICIENT])
def test_a_declined_try_ends_nothing_because_the_payer_may_try_another_card(provider, sandbox, card):
    attempt = started(provider)
    sandbox.pay(attempt.reference, card=card)
    assert provider.fetch(attempt).outcome is Outcome.NEEDS_ACTION
    told = translated(provider, sandbox.call("payment_intent.payment_failed"))
    assert told.subject == "other"
    sandbox.pay(attempt.reference, card=CARD)
    assert provider.fetch(attempt).outcome is Outcome.SUCCEEDED


def test_a_challenge_leaves_the_page_open_until_it_is_passed(provider, sandbox):
    attempt = started(provider)
    sandbox.pay(attempt.reference, card=CHALLENGED)
    assert provider.fetch(attempt).outcome is Outcome.NEEDS_ACTION
    sandbox.control(f"/sessions/{attempt.reference}/authenticate", passed=True)
    assert provider.fetch(attempt).outcome is Outcome.SUCCEEDED


def test_a_bank_debit_is_pending_until_it_clears(provider, sandbox):
    sandbox.simulator.world.settings.update({"stripe_settles_after": 600})
    attempt = started(provider)
    paid = sandbox.pay(attempt.reference, payment_method=BANK)
    assert provider.fetch(attempt).outcome is Outcome.PENDING
    assert translated(provider, sandbox.call("checkout.session.completed")).result.outcome is Outcome.PENDING
    sandbox.control(f"/payment_intents/{paid['payment_intent']['id']}/settle")
    assert provider.fetch(attempt).outcome is Outcome.SUCCEEDED
    told = translated(provider, sandbox.call("checkout.session.async_payment_succeeded"))
    assert (told.result.outcome, told.result.amount) == (Outcome.SUCCEEDED, Money(2000, "USD"))


def test_a_bank_debit_that_bounces_is_declined(provider, sandbox):
    attempt = started(provider)
    sandbox.pay(attempt.reference, payment_method=BOUNCING_BANK)
    told = translated(provider, sandbox.call("checkout.session.async_payment_failed"))
    assert (told.result.outcome, told.result.reason) == (Outcome.DECLINED, "declined")
    result = provider.fetch(attempt)
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "declined")


def test_an_expired_session_is_expired(provider, sandbox):
    attempt = started(provider)
    sandbox.control(f"/sessions/{attempt.reference}/expire")
    assert provider.fetch(attempt).outcome is Outcome.EXPIRED
    told = translated(provider, sandbox.call("checkout.session.expired"))
    assert (told.attempt_id, told.result.outcome) == (attempt.id, Outcome.EXPIRED)


def test_asking_after_the_payers_time_closes_the_page(provider, sandbox):
    attempt = started(provider, attempt_for(minutes=5, asked=datetime.now(UTC) + timedelta(minutes=6)))
    assert provider.fetch(attempt).outcome is Outcome.EXPIRED
    (session,) = sandbox.objects("checkout.session")
    assert session["status"] == "expired"


def test_a_payer_who_is_quicker_than_our_closing_has_paid(provider, sandbox):
    attempt = started(provider, attempt_for(minutes=5, asked=datetime.now(UTC) + timedelta(minutes=6)))
    sandbox.script("sessions.expire", "late_success")
    assert provider.fetch(attempt).outcome is Outcome.SUCCEEDED


def test_a_payment_after_the_session_expired_is_a_success_still(provider, sandbox):
    sandbox.script("sessions.create", "late_success")
    attempt = started(provider)
    sandbox.control(f"/sessions/{attempt.reference}/expire")
    result = eventually(lambda: (r := provider.fetch(attempt)).outcome is Outcome.SUCCEEDED and r)
    assert result.amount == Money(2000, "USD")


def test_an_event_that_came_before_the_answer_names_our_attempt(provider, sandbox):
    sandbox.script("sessions.create", "callback_first")
    attempt = started(provider)
    told = translated(provider, sandbox.call("checkout.session.completed"))
    assert (told.attempt_id, told.reference, told.trusted) == (attempt.id, attempt.reference, True)
    assert (told.result.outcome, told.result.amount) == (Outcome.SUCCEEDED, Money(2000, "USD"))


@pytest.mark.parametrize("script", ["http_500", "html_error", "drop_before", "drop_after"])
def test_one_bad_exchange_is_made_up_for_under_the_same_key(provider, sandbox, script):
    sandbox.script("sessions.create", script)
    assert provider.start(attempt_for()).outcome is Outcome.NEEDS_ACTION
    assert len(sandbox.objects("checkout.session")) == 1


@pytest.mark.parametrize("script", ["http_500", "html_error", "drop_before", "drop_after"])
def test_no_answer_to_any_try_is_unknown_and_never_a_verdict(provider, sandbox, script):
    sandbox.script("sessions.create", script, times=TRIES)
    attempt = attempt_for()
    assert provider.start(attempt).outcome is Outcome.UNKNOWN
    assert len(sandbox.objects("checkout.session")) == (1 if script == "drop_after" else 0)
    # Asking repeats the request under its key: whatever happened before, there is one session now.
    result = provider.fetch(attempt)
    (session,) = sandbox.objects("checkout.session")
    assert (result.outcome, result.reference) == (Outcome.NEEDS_ACTION, session["id"])


def test_an_answer_that_takes_too_long_is_unknown_and_found_by_asking(provider_with, sandbox):
    impatient = provider_with(read_seconds=1, retries=0)
    sandbox.script("sessions.create", "hang(2)")
    attempt = attempt_for()
    assert impatient.start(attempt).outcome is Outcome.UNKNOWN
    result = eventually(lambda: (r := impatient.fetch(attempt)).outcome is not Outcome.UNKNOWN and r)
    assert result.outcome is Outcome.NEEDS_ACTION
    assert len(sandbox.objects("checkout.session")) == 1


def test_an_unanswered_session_that_was_paid_meanwhile_is_a_success(provider, sandbox):
    sandbox.script("sessions.create", "drop_after", times=TRIES)
    attempt = attempt_for()
    provider.start(attempt)
    sandbox.pay(sandbox.objects("checkout.session")[0]["id"])
    assert provider.fetch(attempt).outcome is Outcome.SUCCEEDED


def test_too_many_requests_mean_that_nothing_was_attempted(provider, sandbox):
    sandbox.script("sessions.create", "http_429", times=TRIES)
    assert provider.start(attempt_for()).outcome is Outcome.NOT_ATTEMPTED
    assert sandbox.objects("checkout.session") == []


def test_turned_away_after_a_lost_answer_is_unknown_because_the_first_try_may_count(provider, sandbox):
    sandbox.script("sessions.create", "drop_after")
    sandbox.script("sessions.create", "http_429")
    assert provider.start(attempt_for()).outcome is Outcome.UNKNOWN
    assert len(sandbox.objects("checkout.session")) == 1


def test_nobody_listening_means_that_nothing_was_attempted(provider_with):
    assert provider_with("http://127.0.0.1:9/stripe", retries=1).start(attempt_for()).outcome is Outcome.NOT_ATTEMPTED


def test_a_wrong_key_means_that_nothing_was_attempted_and_is_not_told(provider_with, sandbox):
    result = provider_with(key="sk_test_another_account").start(attempt_for())
    assert result.outcome is Outcome.NOT_ATTEMPTED
    assert "another_account" not in result.detail
    assert sandbox.objects("checkout.session") == []


@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed_with_the_key(provider_with, receiver, status):
    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            self.do_POST()

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        lost = provider_with(f"http://127.0.0.1:{server.server_port}", retries=0)
        assert lost.start(attempt_for()).outcome is Outcome.UNKNOWN
        assert lost.fetch(attempt_for(reference="cs_1")).outcome is Outcome.UNKNOWN
        server.shutdown()
        thread.join()
    assert receiver.calls == []


def test_an_answer_that_is_not_stripes_says_nothing(provider_with, receiver):
    stranger = provider_with(receiver.url, retries=0)
    assert stranger.start(attempt_for()).outcome is Outcome.UNKNOWN
    assert len(receiver.calls) == 1


def test_what_stripe_refuses_is_declined_with_its_reason(provider):
    result = provider.start(attempt_for("0.10"))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "amount_too_small")


def test_an_amount_stripe_cannot_express_is_never_sent(provider, sandbox):
    result = provider.start(attempt_for("1.005", "KWD"))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "invalid_amount")
    assert sandbox.requests("POST") == []


@pytest.mark.parametrize("script", ["http_500", "http_429", "html_error", "drop_before", "drop_after"])
def test_failing_to_ask_says_nothing(provider, sandbox, script):
    attempt = started(provider)
    sandbox.pay(attempt.reference)
    sandbox.script("sessions.retrieve", script, times=TRIES)
    assert provider.fetch(attempt).outcome is Outcome.UNKNOWN
    sandbox.simulator.world.scripts.clear()
    assert provider.fetch(attempt).outcome is Outcome.SUCCEEDED


def test_asking_about_a_session_stripe_does_not_know_says_nothing(provider):
    assert provider.fetch(attempt_for(reference="cs_test_unheard_of")).outcome is Outcome.UNKNOWN


def test_after_the_payers_time_a_lost_session_is_found_among_all_and_closed(provider, sandbox):
    sandbox.script("sessions.create", "drop_after", times=TRIES)
    attempt = attempt_for(minutes=30, asked=datetime.now(UTC) + HOUR)
    provider.start(attempt)
    for _ in range(3):
        provider.start(attempt_for())
    result = provider.fetch(attempt)
    assert result.outcome is Outcome.EXPIRED
    assert len(sandbox.objects("checkout.session")) == 4
    assert [s["status"] for s in sandbox.objects("checkout.session") if s["id"] == result.reference] == ["expired"]


def test_after_the_payers_time_nothing_new_is_made_of_a_request_that_never_arrived(provider, sandbox):
    attempt = attempt_for(minutes=30, begun=HOUR)
    assert provider.fetch(attempt).outcome is Outcome.NOT_ATTEMPTED
    assert sandbox.objects("checkout.session") == []


def test_a_request_that_may_still_be_under_way_is_not_given_up(provider):
    assert provider.fetch(attempt_for(minutes=1, begun=timedelta(minutes=2))).outcome is Outcome.UNKNOWN


def test_a_request_that_comes_too_late_to_be_repeated_was_never_made(provider):
    # 50 of 60 minutes have passed: Stripe opens no page for less than 30, and knows no such key.
    result = provider.fetch(attempt_for(begun=timedelta(minutes=50)))
    assert result.outcome is Outcome.NOT_ATTEMPTED


def test_another_request_under_the_same_key_says_nothing(provider, sandbox):
    attempt = started(provider)
    other = replace(attempt, amount=Money(2100, "USD"), reference=None)
    assert provider.start(other).outcome is Outcome.UNKNOWN
    assert len(sandbox.objects("checkout.session")) == 1


def test_one_provider_serves_many_threads(provider, sandbox):
    results, attempts = [], [attempt_for() for _ in range(12)]
    sandbox.script("sessions.create", "drop_after", times=4)
    threads = [threading.Thread(target=lambda a=a: results.append(provider.start(a))) for a in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {result.outcome for result in results} <= {Outcome.NEEDS_ACTION, Outcome.UNKNOWN}
    assert len({session["client_reference_id"] for session in sandbox.objects("checkout.session")}) == 12
    assert len(sandbox.objects("checkout.session")) == 12
