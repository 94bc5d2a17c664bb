"""Sellers at the simulated Stripe: onboarding, transfers, and money that comes back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from marketcore.interfaces import Outcome
from marketcore.money import Money

from .sandbox import AVAILABLE_AT_ONCE, TRIES, attempt_for, destination_for, payout_for, translated


@pytest.fixture
def seller(provider, sandbox):
    """Return a seller whose account can be paid."""
    destination = destination_for()
    reference = provider.enroll(destination).reference
    sandbox.control(f"/accounts/{reference}/active")
    sandbox.top_up(100_000)
    return replace(destination, reference=reference)


def test_enrolling_opens_an_account_and_leads_to_its_pages(provider, sandbox):
    destination = destination_for()
    enrollment = provider.enroll(destination)
    (account,) = sandbox.objects("account")
    assert (enrollment.state, enrollment.reference) == ("pending", account["id"])
    assert account["metadata"]["marketcore_destination"] == str(destination.id)
    assert (account["email"], account["country"]) == ("seller@example.test", "US")
    assert enrollment.next_action.kind == "redirect"
    assert sandbox.http.get(enrollment.next_action.data["url"]).status_code == 200


def test_a_link_is_never_handed_out_twice(provider, sandbox):
    destination = destination_for()
    first = provider.enroll(destination)
    second = provider.enroll(replace(destination, reference=first.reference))
    assert first.next_action.data["url"] != second.next_action.data["url"]
    assert len(sandbox.objects("account")) == 1


def test_an_account_whose_opening_was_never_answered_is_opened_once(provider, sandbox):
    destination = destination_for()
    sandbox.script("accounts.create", "drop_after", times=TRIES)
    lost = provider.enroll(destination)
    assert (lost.state, lost.reference, lost.next_action) == ("pending", None, None)
    assert provider.enroll(destination).reference == sandbox.objects("account")[0]["id"]
    assert len(sandbox.objects("account")) == 1


def test_an_account_opened_without_an_answer_is_shown_as_it_stands_now(provider, sandbox):
    destination = destination_for()
    sandbox.script("accounts.create", "drop_after", times=TRIES)
    provider.enroll(destination)
    sandbox.control(f"/accounts/{sandbox.objects('account')[0]['id']}/active")
    assert provider.enroll(destination).state == "active"


@pytest.mark.parametrize(
    ("moved", "state", "linked"),
    [("active", "active", False), ("pending", "pending", True), ("restricted", "pending", True)],
)
def test_an_enrolment_follows_the_review(provider, sandbox, moved, state, linked):
    destination = destination_for()
    reference = provider.enroll(destination).reference
    sandbox.control(f"/accounts/{reference}/{moved}")
    enrollment = provider.enroll(replace(destination, reference=reference))
    assert (enrollment.state, enrollment.next_action is not None) == (state, linked)
    told = translated(provider, sandbox.call("account.updated"))
    assert (told.subject, told.reference, told.trusted) == ("destination", reference, True)
    assert told.enrollment.state == state


def test_a_thin_event_about_an_account_is_a_hint_to_ask(provider, sandbox):
    reference = provider.enroll(destination_for()).reference
    sandbox.control(f"/accounts/{reference}/active")
    kind = "v2.core.account[configuration.recipient].capability_status_updated"
    told = translated(provider, sandbox.call(kind))
    assert (told.subject, told.reference, told.trusted) == ("destination", reference, False)


def test_an_account_that_cannot_be_opened_is_rejected_with_a_reason(provider, sandbox):
    enrollment = provider.enroll(destination_for(email=""))
    assert (enrollment.state, enrollment.reference) == ("rejected", None)
    assert enrollment.reason


def test_without_an_address_to_come_back_to_there_is_no_link(provider):
    enrollment = provider.enroll(destination_for(return_url=""))
    assert (enrollment.state, enrollment.next_action) == ("pending", None)


def test_when_stripe_is_away_an_enrolment_waits(provider_with):
    known = destination_for("acct_known")
    enrollment = provider_with("http://127.0.0.1:9/stripe", retries=0).enroll(known)
    assert (enrollment.state, enrollment.reference) == ("pending", "acct_known")


def test_M8_a_payout_moves_exactly_its_amount_to_the_sellers_account(provider, sandbox, seller):
    payout = payout_for(seller, "12.34")
    result = provider.pay_out(payout)
    (transfer,) = sandbox.objects("transfer")
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(1234, "USD"))
    assert (result.reference, result.receipt) == (transfer["id"], transfer["id"])
    assert (transfer["amount"], transfer["destination"]) == (1234, seller.reference)
    assert transfer["metadata"]["marketcore_payout"] == transfer["transfer_group"] == str(payout.id)


def test_one_payment_is_passed_on_to_several_sellers(provider, sandbox, seller):
    attempt = attempt_for("30.00")
    sandbox.pay(provider.start(attempt).reference, card=AVAILABLE_AT_ONCE)
    other = destination_for()
    other = replace(other, reference=provider.enroll(other).reference)
    sandbox.control(f"/accounts/{other.reference}/active")
    results = [provider.pay_out(payout_for(seller, "10.00")), provider.pay_out(payout_for(other, "18.00"))]
    assert [result.outcome for result in results] == [Outcome.SUCCEEDED] * 2
    paid = {transfer["destination"]: transfer["amount"] for transfer in sandbox.objects("transfer")}
    assert paid == {seller.reference: 1000, other.reference: 1800}


def test_a_payout_beyond_the_balance_is_declined(provider, sandbox, seller):
    result = provider.pay_out(payout_for(seller, "1000000.00"))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "balance_insufficient")
    assert sandbox.objects("transfer") == []


def test_an_account_that_may_not_be_paid_is_declined(provider, sandbox, seller):
    sandbox.control(f"/accounts/{seller.reference}/restricted")
    result = provider.pay_out(payout_for(seller))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "insufficient_capabilities_for_transfer")


def test_a_seller_without_an_account_is_not_paid(provider, sandbox):
    result = provider.pay_out(payout_for(destination_for()))
    assert (result.outcome, result.reason) == (Outcome.DECLINED, "not_enrolled")
    assert sandbox.requests("POST /v1/transfers") == []


@pytest.mark.parametrize("script", ["http_500", "html_error", "drop_before", "drop_after"])
def test_an_unanswered_payout_is_unknown_and_asking_makes_it_once(provider, sandbox, seller, script):
    payout = payout_for(seller)
    sandbox.script("transfers.create", script, times=TRIES)
    assert provider.pay_out(payout).outcome is Outcome.UNKNOWN
    result = provider.fetch_payout(payout)
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(1000, "USD"))
    assert provider.fetch_payout(payout).reference == result.reference
    assert len(sandbox.objects("transfer")) == 1


def test_the_same_payout_asked_for_twice_is_made_once(provider, sandbox, seller):
    payout = payout_for(seller)
    assert provider.pay_out(payout).reference == provider.pay_out(payout).reference
    assert len(sandbox.objects("transfer")) == 1


def test_after_a_day_a_lost_payout_is_looked_for_and_never_made_again(provider, sandbox, seller):
    made, never = (payout_for(seller, begun=timedelta(hours=25)) for _ in range(2))
    sandbox.script("transfers.create", "drop_after", times=TRIES)
    provider.pay_out(made)
    assert provider.fetch_payout(made).outcome is Outcome.SUCCEEDED
    assert provider.fetch_payout(never).outcome is Outcome.NOT_ATTEMPTED
    assert len(sandbox.objects("transfer")) == 1


@pytest.fixture
def reverse(sandbox):
    def reverse(transfer_id, amount):
        key = {"Authorization": "Bearer sk_test_sim_demo"}
        path = f"/stripe/v1/transfers/{transfer_id}/reversals"
        sandbox.http.post(path, data={"amount": amount}, headers=key).raise_for_status()

    return reverse


def test_a_reversed_transfer_has_come_back(provider, sandbox, seller, reverse):
    payout = payout_for(seller)
    reference = provider.pay_out(payout).reference
    reverse(reference, 1000)
    assert provider.fetch_payout(replace(payout, reference=reference)).outcome is Outcome.RETURNED
    told = translated(provider, sandbox.call("transfer.reversed"))
    assert (told.subject, told.attempt_id, told.trusted) == ("payout", payout.id, False)
    assert told.result.outcome is Outcome.RETURNED


def test_a_transfer_reversed_in_part_is_less_than_was_asked(provider, seller, reverse):
    payout = payout_for(seller)
    reference = provider.pay_out(payout).reference
    reverse(reference, 400)
    result = provider.fetch_payout(replace(payout, reference=reference))
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, Money(600, "USD"))


def test_failing_to_ask_says_nothing(provider, sandbox, seller):
    payout = payout_for(seller)
    known = replace(payout, reference=provider.pay_out(payout).reference)
    sandbox.script("transfers.retrieve", "drop_before", times=TRIES)
    assert provider.fetch_payout(known).outcome is Outcome.UNKNOWN
