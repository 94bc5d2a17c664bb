"""Whatever a provider does or says: a payout leaves at most once, and the books say where the money is."""

from __future__ import annotations

import pytest
from bank import deliver

from marketcore.directives import table
from marketcore.events import PayoutChanged
from marketcore.payments.rules import CHECK_AFTER
from marketcore.payouts.operation import PAYOUTS
from marketcore.testing.contracts import at_once

HELD, BACK, GONE = {"in_payout": "1000.00"}, {"available": "1000.00"}, {}


@pytest.mark.parametrize("script", ["drop_after", "hang"])
def test_a_payout_whose_answer_was_lost_is_unknown_keeps_its_money_and_is_never_sent_again(desk, impatient, script):
    payout = desk.submitted("1000.00", script)
    desk.bank.released.set()
    assert desk.state(payout) == "unknown"
    assert desk.balances() == HELD
    assert desk.ask("10.00").status_code == 409
    desk.ask_now()
    assert desk.state(payout) == "sent"
    desk.bank.end(payout, "paid")
    desk.ask_now()
    assert desk.state(payout) == "paid"
    assert desk.balances() == GONE
    assert desk.bank.moved == {payout["id"]: 1}
    assert desk.states(payout) == ["approved", "submitting", "unknown", "sent", "paid"]


@pytest.mark.parametrize("script", ["drop_before", "http_500"])
def test_a_payout_that_never_arrived_is_sent_again_under_the_same_id_once_the_provider_says_so(desk, script):
    payout = desk.submitted("1000.00", script)
    assert desk.state(payout) == "unknown"
    desk.ask_now()
    assert desk.state(payout) == "approved"
    assert desk.balances() == HELD
    desk.ask_now()
    assert desk.state(payout) == "sent"
    assert desk.bank.moved == {payout["id"]: 1}


def test_a_payout_that_the_provider_has_not_begun_is_approved_again_and_retried(desk):
    payout = desk.submitted("1000.00", "refused")
    assert desk.state(payout) == "approved"
    assert desk.balances() == HELD
    assert desk.work() == 0
    desk.ask_now()
    assert desk.state(payout) == "sent"
    assert desk.states(payout) == ["approved", "submitting", "approved", "submitting", "sent"]
    assert desk.bank.moved == {payout["id"]: 1}


def test_a_payout_that_cannot_begin_can_still_be_rejected(desk):
    payout = desk.submitted("1000.00", "refused")
    assert desk.decide(payout, approve=False).json()["state"] == "rejected"
    assert desk.balances() == BACK
    assert desk.ask_now() == 0


def test_K3_S9_a_refusal_gives_the_money_back(desk):
    payout = desk.submitted("1000.00", "declined")
    told = desk.read(payout)
    assert (told["state"], told["failure"]) == ("failed", "account_closed")
    assert desk.balances() == BACK
    assert desk.codes() == ["pending payout", "void payout"]
    assert desk.ask_now() == 0


def test_webhook_question_and_reconciler_at_one_instant_book_once(desk):
    registry = desk.market.registry
    for _round in range(8):
        payout = desk.submitted("10.00")
        desk.bank.end(payout, "paid")
        event, payout_id = desk.bank.event(payout, "paid"), desk.row(payout).id

        def hear(event=event):
            answers = [deliver(desk.market.url, event) for _time in range(2)]
            desk.work()
            return {answer.status_code for answer in answers}

        heard, *_others = at_once(
            [hear, desk.ask_now, desk.ask_now, lambda i=payout_id: PAYOUTS.ask(registry, i, "fetch")]
        )
        assert heard == {200}
        assert desk.states(payout).count("paid") == 1
    assert desk.codes().count("post payout") == 8
    assert desk.balances() == {"available": "920.00"}


def test_a_report_that_comes_often_is_applied_once(desk):
    payout = desk.submitted()
    for _time in range(3):
        desk.tell(payout, "paid")
    desk.tell(payout, "sent")
    desk.tell(payout, "failed")
    assert desk.state(payout) == "paid"
    assert desk.codes() == ["pending payout", "post payout"]


def test_a_success_of_another_amount_is_not_believed(desk):
    payout = desk.submitted()
    desk.tell(payout, "paid", minor=100_001)
    desk.tell(payout, "paid", currency="USD")
    assert desk.state(payout) == "sent"
    assert desk.balances() == HELD


def test_money_that_comes_back_is_the_payees_again(desk):
    payout = desk.submitted("1000.00", "paid")
    desk.tell(payout, "returned", reason="account_closed")
    told = desk.read(payout)
    assert (told["state"], told["failure"]) == ("returned", "account_closed")
    assert desk.balances() == BACK
    assert desk.codes() == ["pending payout", "post payout", "single payout_returned"]
    desk.tell(payout, "paid")
    assert desk.state(payout) == "returned"


def test_a_hint_that_money_came_back_is_asked_about_and_the_answer_counts(desk):
    payout = desk.submitted("1000.00", "paid")
    desk.tell(payout, "returned", trusted=False)
    assert (desk.state(payout), desk.bank.asked[payout["id"]]) == ("paid", 1)
    desk.bank.end(payout, "returned")
    desk.tell(payout, "returned", trusted=False)
    assert desk.state(payout) == "returned"
    assert desk.balances() == BACK


def test_a_hint_of_what_is_known_or_of_no_known_attempt_asks_nothing_about_an_ended_payout(desk):
    paid, rejected = desk.submitted("500.00", "paid"), desk.submitted("500.00", "refused")
    desk.decide(rejected, approve=False)
    desk.tell(paid, "paid", trusted=False)
    desk.tell(paid, "failed", trusted=False)
    desk.tell(rejected, "paid", minor=50_000, currency="KES", reference=None, trusted=False)
    assert not desk.bank.asked
    assert (desk.state(paid), desk.state(rejected)) == ("paid", "rejected")


def test_a_return_that_is_told_before_the_success_gives_the_reserved_money_back(desk):
    payout = desk.submitted()
    desk.tell(payout, "returned", reason="account_closed")
    told = desk.read(payout)
    assert (told["state"], told["failure"]) == ("failed", "account_closed")
    assert desk.balances() == BACK
    assert desk.codes() == ["pending payout", "void payout"]


def test_a_payout_that_failed_and_was_paid_after_all_is_taken_from_the_balance(desk):
    payout = desk.submitted("1000.00", "declined")
    desk.tell(payout, "paid", reason=None)
    assert desk.state(payout) == "paid"
    assert desk.balances() == GONE
    assert desk.codes() == ["pending payout", "void payout", "single payout_late"]


def test_what_the_balance_does_not_cover_of_a_late_payout_is_a_debt_that_a_return_settles(desk):
    first = desk.submitted("1000.00", "declined")
    desk.submitted("700.00", "paid")
    desk.tell(first, "paid")
    assert desk.balances() == {"debt": "700.00"}
    assert desk.ask("10.00").status_code == 409
    desk.tell(first, "returned")
    assert desk.balances() == {"available": "300.00"}
    late = [code.removeprefix("single ") for code in desk.codes() if code.startswith("single")]
    assert sorted(late) == ["payout_debt_settled", "payout_late", "payout_late_debt", "payout_returned"]


def test_a_rejected_payout_that_left_all_the_same_is_booked(desk):
    payout = desk.submitted("1000.00", "refused")
    desk.decide(payout, approve=False)
    desk.tell(payout, "paid", minor=100_000, currency="KES")
    assert desk.state(payout) == "paid"
    assert desk.balances() == GONE


def test_a_payout_nobody_can_tell_about_calls_for_a_person_and_keeps_its_money(desk, capsys):
    payout = desk.submitted("1000.00")
    desk.market.query("UPDATE payouts SET checks = :checks WHERE next_check_at IS NOT NULL", checks=len(CHECK_AFTER))
    desk.ask_now()
    told = desk.read(payout)
    assert (told["state"], told["failure"]) == ("sent", "needs_review")
    assert "operation_needs_review" in capsys.readouterr().out
    assert desk.ask_now() == 0
    assert desk.balances() == HELD
    desk.tell(payout, "paid")
    told = desk.read(payout)
    assert (told["state"], told["failure"]) == ("paid", "")


def test_every_step_that_somebody_reports_is_a_fact_for_subscribers(desk, monkeypatch):
    facts, subscribers = [], table(desk.market.registry, "event subscribers")
    monkeypatch.setitem(subscribers, "test", (PayoutChanged, lambda _request, event: facts.append(event)))
    payout = desk.submitted()
    desk.tell(payout, "paid")
    desk.tell(payout, "returned")
    assert [fact.state for fact in facts] == ["requested", "approved", "sent", "paid", "returned"]
    assert {(str(fact.payout_id), fact.user_id, str(fact.amount)) for fact in facts} == {
        (payout["id"], desk.seller.id, "1000.00 KES")
    }
